#include "actors/rate_limits.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/limits.hpp"
#include "runtime/metrics.hpp"
#include "runtime/shard.hpp"

namespace greenroom {
namespace {

constexpr std::array<std::string_view, limit_scopes> scope_words{"connection", "session", "user", "address", "key"};
constexpr std::array<std::string_view, limited_things> thing_words{"connections", "messages", "bytes", "joins",
                                                                   "reads"};
constexpr std::size_t stripes = 64, looks_per_insert = 2;

std::string bytes_of(const void* from, std::size_t size) { return {static_cast<const char*>(from), size}; }

}  // namespace

limit_rates::limit_rates(const runtime::limit_config& from)
    : rates{runtime::token_rate{from.connections_per_second, from.connections_burst},
            runtime::token_rate{from.messages_per_second, from.messages_burst},
            runtime::token_rate{from.bytes_per_second, from.bytes_burst},
            runtime::token_rate{from.joins_per_second, from.joins_burst},
            runtime::token_rate{from.reads_per_second, from.reads_burst}},
      connections_max{from.connections_max} {}

bool limit_rates::bounded() const noexcept {
  return connections_max != 0 || std::ranges::any_of(rates, &runtime::token_rate::bounded);
}

bool limit_entry::full(limit_time now) const noexcept {
  return connections.load(std::memory_order_relaxed) == 0 &&
         std::ranges::all_of(buckets, [now](const auto& each) { return each.full(now); });
}

std::uint32_t limit_refusal::retry_after_ms() const noexcept {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(retry_after).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(ms, 1, 3'600'000));
}

codecs::error limit_refusal::error() const {
  auto why =
      codecs::make_error(codecs::error_code::rate_limited, std::string{"too many "}
                                                               .append(thing_words[static_cast<std::size_t>(what)])
                                                               .append(" of this ")
                                                               .append(scope_words[static_cast<std::size_t>(scope)]));
  why.retry_after_ms = retry_after_ms();
  return why;
}

/// One scope's entries by name.
class rate_limits::table {
 public:
  limit_entry_ptr find(std::string_view name) {
    const auto hash = std::hash<std::string_view>{}(name);
    auto& here = stripes_[hash % stripes];
    std::lock_guard guard{here.mutex};
    if (const auto found = here.entries.find(name); found != here.entries.end()) return found->second;
    const auto now = limit_now();
    for (std::size_t i = 0; i != looks_per_insert; ++i) here.look(now);
    if (here.entries.size() >= limits::limit_entries_max / stripes) {
      shared_.fetch_add(1, std::memory_order_relaxed);
      auto& common = here.common[hash / stripes % here.common.size()];
      if (!common) common = std::make_shared<limit_entry>();
      return common;
    }
    return here.entries.emplace(name, std::make_shared<limit_entry>()).first->second;
  }

  void sweep(limit_time now) {
    auto& here = stripes_[next_.fetch_add(1, std::memory_order_relaxed) % stripes];
    std::lock_guard guard{here.mutex};
    std::erase_if(here.entries, [now](const auto& each) { return forgettable(*each.second, each.second, now); });
  }

  std::size_t size() const {
    std::size_t all = 0;
    for (const auto& each : stripes_) {
      std::lock_guard guard{each.mutex};
      all += each.entries.size();
    }
    return all;
  }
  std::uint64_t shared() const noexcept { return shared_.load(std::memory_order_relaxed); }

 private:
  struct text_hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  /// Under the lock, without which nobody gets hold of it.
  static bool forgettable(const limit_entry& what, const limit_entry_ptr& held, limit_time now) {
    return held.use_count() == 1 && what.full(now);
  }

  struct stripe {
    mutable std::mutex mutex;
    std::unordered_map<std::string, limit_entry_ptr, text_hash, std::equal_to<>> entries;
    std::array<limit_entry_ptr, limits::limit_entries_shared / stripes> common{};
    std::size_t looked_at = 0;

    /// Makes room in passing, so that a table of those who have gone does not stay.
    void look(limit_time now) {
      if (entries.empty()) return;
      const auto bucket = looked_at++ % entries.bucket_count();
      std::vector<std::string> gone;
      for (auto each = entries.begin(bucket); each != entries.end(bucket); ++each)
        if (forgettable(*each->second, each->second, now)) gone.push_back(each->first);
      for (const auto& name : gone) entries.erase(name);
    }
  };

  std::array<stripe, stripes> stripes_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> shared_{0};
};

rate_limits::rate_limits(const runtime::limits_config& from)
    : scopes_{limit_rates{from.connection}, limit_rates{from.session}, limit_rates{from.user},
              limit_rates{from.address}, limit_rates{from.key}} {
  for (std::size_t i = 0; i != limit_scopes; ++i)
    if (static_cast<limit_scope>(i) != limit_scope::connection && scopes_[i].bounded())
      tables_[i] = std::make_unique<table>();
}

rate_limits::~rate_limits() = default;

limit_entry_ptr rate_limits::of(limit_scope scope, std::string_view name) {
  const auto& where = tables_[static_cast<std::size_t>(scope)];
  return where ? where->find(name) : nullptr;
}

limit_entry_ptr rate_limits::of_address(std::string_view peer) {
  return tables_[static_cast<std::size_t>(limit_scope::address)] ? of(limit_scope::address, limited_address(peer))
                                                                 : nullptr;
}

std::optional<limit_refusal> rate_limits::take(std::span<const holder> from, limited what, limit_time now) {
  for (std::size_t i = 0; i != from.size(); ++i) {
    if (!from[i].entry) continue;
    auto wait = from[i].entry->of(what).take(rates(from[i].scope).of(what), 1, now);
    if (wait.count() == 0) continue;
    limit_refusal why{from[i].scope, what, wait};
    give_back(from.first(i), what);
    for (const auto& later : from.subspan(i + 1))
      if (later.entry)
        why.retry_after =
            std::max(why.retry_after, later.entry->of(what).wait_for(rates(later.scope).of(what), 1, now));
    return count(why);
  }
  return std::nullopt;
}

std::optional<limit_refusal> rate_limits::take_call(std::span<const holder> from, limited what, limit_time now) {
  auto why = take(from, limited::messages, now);
  if (why || what == limited::messages) return why;
  why = take(from, what, now);
  if (why) give_back(from, limited::messages);
  return why;
}

void rate_limits::give_back(std::span<const holder> to, limited what) noexcept {
  for (const auto& each : to)
    if (each.entry) each.entry->of(what).give_back(rates(each.scope).of(what), 1);
}

std::optional<limit_refusal> rate_limits::open(limit_scope scope, limit_entry& of, limit_time now) {
  constexpr std::chrono::seconds until_one_closes{5};
  const auto& bounds = rates(scope);
  const auto open = of.connections.fetch_add(1, std::memory_order_relaxed);
  std::optional<limit_refusal> why;
  if (bounds.connections_max != 0 && open >= bounds.connections_max)
    why = limit_refusal{scope, limited::connections, until_one_closes};
  else if (const auto wait = of.of(limited::connections).take(bounds.of(limited::connections), 1, now);
           wait.count() != 0)
    why = limit_refusal{scope, limited::connections, wait};
  if (!why) return std::nullopt;
  closed(of);
  return count(*why);
}

limit_refusal rate_limits::count(limit_refusal why) noexcept {
  refusals_[static_cast<std::size_t>(why.scope)][static_cast<std::size_t>(why.what)].fetch_add(
      1, std::memory_order_relaxed);
  return why;
}

std::uint64_t rate_limits::refusals(limit_scope scope, limited what) const noexcept {
  return refusals_[static_cast<std::size_t>(scope)][static_cast<std::size_t>(what)].load(std::memory_order_relaxed);
}

void rate_limits::sweep(limit_time now) {
  for (const auto& each : tables_)
    if (each) each->sweep(now);
}

std::size_t rate_limits::entries(limit_scope scope) const {
  const auto& which = tables_[static_cast<std::size_t>(scope)];
  return which ? which->size() : 0;
}

void rate_limits::collect(runtime::metrics& into) const {
  using runtime::sample;
  into.collect(
      {"greenroom_rate_limited_total",
       "What was refused, or of bytes and frames read later, for a rate limit.",
       {"scope", "what"}},
      runtime::metrics::kind::counter, [this] {
        std::vector<sample> all;
        for (std::size_t s = 0; s != limit_scopes; ++s)
          for (std::size_t w = 0; w != limited_things; ++w)
            if (const auto n = refusals_[s][w].load(std::memory_order_relaxed); n != 0)
              all.push_back({{std::string{scope_words[s]}, std::string{thing_words[w]}}, static_cast<double>(n)});
        return all;
      });
  const auto of_tables = [this, &into](std::string name, std::string help, runtime::metrics::kind kind, auto figure) {
    into.collect({std::move(name), std::move(help), {"scope"}}, kind, [this, figure] {
      std::vector<sample> all;
      for (std::size_t s = 0; s != limit_scopes; ++s)
        if (tables_[s]) all.push_back({{std::string{scope_words[s]}}, static_cast<double>(figure(*tables_[s]))});
      return all;
    });
  };
  of_tables("greenroom_rate_limit_entries", "Users, sessions, addresses and keys whose buckets are kept.",
            runtime::metrics::kind::gauge, [](const table& of) { return of.size(); });
  of_tables("greenroom_rate_limit_shared_total", "Lookups that found the table full and share their buckets.",
            runtime::metrics::kind::counter, [](const table& of) { return of.shared(); });
}

std::shared_ptr<rate_limits> make_rate_limits(const runtime::limits_config& from) {
  const std::array all{limit_rates{from.connection}, limit_rates{from.session}, limit_rates{from.user},
                       limit_rates{from.address}, limit_rates{from.key}};
  return std::ranges::any_of(all, &limit_rates::bounded) ? std::make_shared<rate_limits>(from) : nullptr;
}

std::string limited_address(std::string_view peer) {
  constexpr std::size_t network_bytes = 8, mapped_prefix_bytes = 12, v4_bytes = 4;
  auto host = peer;
  if (host.starts_with('['))
    host = host.substr(1, host.find(']') - 1);
  else if (const auto colon = host.find(':'); colon != std::string_view::npos && colon == host.rfind(':'))
    host = host.substr(0, colon);
  const std::string text{host.substr(0, host.find('%'))};
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return bytes_of(&v4, sizeof v4);
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6) != 1) return std::string{peer};
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return bytes_of(&v6.s6_addr[mapped_prefix_bytes], v4_bytes);
  return bytes_of(&v6, network_bytes);
}

limit_time limit_now() {
  auto* here = runtime::shard::current();
  return here ? here->now() : std::chrono::steady_clock::now();
}

}  // namespace greenroom
