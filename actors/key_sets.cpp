#include "actors/key_sets.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <utility>

#include "actors/engine.hpp"
#include "actors/limits.hpp"
#include "codecs/jwk.hpp"
#include "codecs/jwt_key_set.hpp"
#include "runtime/log.hpp"

namespace greenroom {
namespace {

namespace fs = std::filesystem;
using runtime::fetch_outcome;

constexpr std::string_view cache_ending = ".jwks", cache_format = "greenroom-jwks-1";
constexpr std::int64_t minute_ms = 60'000, clock_slack_ms = 5 * minute_ms;
constexpr std::int64_t retry_first_ms = 1'000, retry_doublings = 6;  // to 64 s, of which the minute counts

/// For a file's name, whatever stands in the URL.
std::string file_of(const std::string& url) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string name;
  for (const char c : codecs::jwt_digest(url).substr(0, 16)) {
    const auto byte = static_cast<unsigned char>(c);
    name += digits[byte >> 4];
    name += digits[byte & 15];
  }
  return name.append(cache_ending);
}

bool clashes(const codecs::jwt_key& one, const std::vector<codecs::jwt_key>& with) {
  return std::ranges::any_of(with, [&](const auto& other) {
    return one.kid() == other.kid() && (!one.kid().empty() || one.algorithm() == other.algorithm());
  });
}

/// A set that an earlier process has fetched.
struct cached {
  std::int64_t fetched_at_ms = 0;
  std::string body;
};

std::optional<cached> read_cached(const fs::path& file, const std::string& url) {
  std::ifstream in{file, std::ios::binary};
  std::string format, whence;
  cached one;
  if (!(in >> format >> one.fetched_at_ms >> whence) || format != cache_format || whence != url || in.get() != '\n')
    return std::nullopt;
  for (char c = 0; one.body.size() <= codecs::limits::jwk_set_bytes_max && in.get(c);) one.body += c;
  return one;
}

}  // namespace

key_sets::key_sets(const runtime::tokens_config& from, secret_reader secrets)
    : config_{from}, secrets_{std::move(secrets)} {
  std::vector<codecs::jwt_key> all;
  for (const auto& text : config_.keys) {
    auto entry = parse_key_entry(text);
    if (!entry.url.empty()) {
      auto figures = std::make_shared<key_set_figures>();
      figures->set = entry.url.substr(0, entry.url.find('?'));
      figures_.push_back(std::move(figures));
      remotes_.push_back({.url = std::move(entry.url)});
      continue;
    }
    const auto read = stamp_of(entry.file);
    auto keys = read_key_file(entry, secrets_);
    all.insert(all.end(), keys.begin(), keys.end());
    locals_.push_back({std::move(entry), read, std::move(keys)});
  }
  std::string why;
  if (!codecs::make_key_set(std::move(all), why)) throw bad_config{"tokens.keys: " + why};
  for (std::size_t a = 0; a < remotes_.size(); ++a)
    for (std::size_t b = 0; b < a; ++b)
      if (remotes_[a].url == remotes_[b].url)
        throw bad_config{"tokens.keys: " + remotes_[a].url + " stands there twice"};
  combine();
}

bool key_sets::knows(std::string_view kid) const noexcept {
  return std::ranges::any_of(trust_->keys->keys(), [kid](const auto& each) { return each.kid() == kid; });
}

key_sets::stamp key_sets::stamp_of(const std::string& file) {
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0) return {};
  constexpr std::int64_t ns_per_s = 1'000'000'000;
  return {about.st_mtim.tv_sec * ns_per_s + about.st_mtim.tv_nsec, static_cast<std::uint64_t>(about.st_size),
          about.st_ino};
}

bool key_sets::read_files(which ones) {
  auto next = locals_;
  bool read = false;
  std::vector<codecs::jwt_key> all;
  for (std::size_t i = 0; i < next.size(); ++i) {
    const auto now = stamp_of(next[i].from.file);
    if (ones == which::all || now != next[i].read) {
      locals_[i].read = next[i].read = now;  // a bad file is told once
      try {
        next[i].keys = read_key_file(next[i].from, secrets_);
        read = true;
      } catch (const bad_config& e) {
        runtime::log::error("a file of keys cannot be used, its old keys stay", {{"reason", e.what()}});
      }
    }
    all.insert(all.end(), next[i].keys.begin(), next[i].keys.end());
  }
  if (!read) return false;
  std::string why;
  if (!codecs::make_key_set(std::move(all), why)) {
    runtime::log::error("the files of keys cannot be used together, the old keys stay", {{"reason", why}});
    return false;
  }
  locals_ = std::move(next);
  combine();
  runtime::log::info("the files of keys are read anew", {{"keys", trust_->keys->keys().size()}});
  return true;
}

void key_sets::combine() {
  std::vector<codecs::jwt_key> all;
  for (const auto& each : locals_) all.insert(all.end(), each.keys.begin(), each.keys.end());
  for (const auto& set : remotes_) {
    for (const auto& key : set.keys) {
      const bool full = all.size() >= codecs::limits::jwt_keys_max;
      if (!full && !clashes(key, all)) {
        all.push_back(key);
        continue;
      }
      runtime::log::warn("a key of a set is left out",
                         {{"set", set.url},
                          {"kid", key.kid()},
                          {"reason", full ? "there are as many keys as there may be" : "another key has its id"}});
    }
  }
  std::string why;
  auto keys = codecs::make_key_set(std::move(all), why);
  if (!keys) throw std::logic_error{"keys that do not clash make no set: " + why};
  trust_ = std::make_shared<const codecs::jwt_trust>(codecs::jwt_trust{.keys = std::move(keys),
                                                                       .issuers = config_.issuers,
                                                                       .audiences = config_.audiences,
                                                                       .grants_claim = config_.grants_claim,
                                                                       .roles_claim = config_.roles_claim});
}

/// Whether the body is a set, whose keys now count.
bool key_sets::adopt(std::size_t set, const std::string& body, std::int64_t fetched_at_ms, std::string& why) {
  auto& to = remotes_[set];
  if (body != to.body) {
    auto read = codecs::read_jwk_set(body, codecs::jwk_origin::fetched, why);
    if (!read) return false;
    for (const auto& each : read->skipped)
      runtime::log::warn("a key of a set is left out", {{"set", to.url}, {"reason", each}});
    if (read->keys.empty()) runtime::log::warn("a set holds no key that could check a token", {{"set", to.url}});
    to.keys = std::move(read->keys);
    to.body = body;
  }
  to.fetched_at_ms = fetched_at_ms;
  figures_[set]->fetched_at_ms = fetched_at_ms;
  figures_[set]->keys = to.keys.size();
  return true;
}

bool key_sets::take(std::size_t set, const runtime::fetched& what, std::int64_t now_ms) {
  auto& to = remotes_[set];
  auto& figures = *figures_[set];
  if (what.what == fetch_outcome::cancelled) return false;
  std::string why = what.why;
  const auto before = to.body;
  const bool fetched = what.what == fetch_outcome::ok;
  if (fetched && adopt(set, what.body, now_ms, why)) {
    ++figures.good;
    to.failures = 0;
    const std::int64_t interval = config_.fetch_interval_ms;
    const auto asked = what.max_age ? std::int64_t{what.max_age->count()} * 1'000 : interval;
    to.due_ms = now_ms + std::clamp(asked, std::min(minute_ms, interval), interval);
    if (to.body == before) return false;
    combine();
    runtime::log::info("a set of keys is fetched", {{"set", figures.set}, {"keys", to.keys.size()}});
    return true;
  }
  fetched ? ++figures.unusable : ++figures.failed[static_cast<std::size_t>(what.what)];
  const auto pause = std::min(retry_first_ms << std::min<std::int64_t>(to.failures, retry_doublings), minute_ms);
  to.due_ms = now_ms + std::min<std::int64_t>(pause, config_.fetch_interval_ms);
  ++to.failures;
  runtime::log::warn(to.keys.empty() ? "a set of keys cannot be fetched; no token of it is accepted"
                                     : "a set of keys cannot be fetched; the old keys count",
                     {{"set", figures.set}, {"reason", why}, {"failures", to.failures}});
  return false;
}

bool key_sets::expire(std::int64_t now_ms) {
  bool any = false;
  for (std::size_t i = 0; i < remotes_.size(); ++i) {
    auto& each = remotes_[i];
    if (each.body.empty() || now_ms - each.fetched_at_ms <= config_.keep_ms) continue;
    runtime::log::error("a set of keys could not be fetched for too long: its keys count no more",
                        {{"set", figures_[i]->set}, {"keys", each.keys.size()}});
    each.keys.clear();
    each.body.clear();
    figures_[i]->keys = 0;
    any = true;
  }
  if (any) combine();
  return any;
}

std::int64_t key_sets::next_due_ms() const noexcept {
  auto first = std::numeric_limits<std::int64_t>::max();
  for (const auto& each : remotes_) first = std::min(first, each.due_ms);
  return first;
}

bool key_sets::look(std::int64_t now_ms) {
  if (remotes_.empty() || now_ms < next_look_ms()) return false;
  looked_at_ms_ = now_ms;
  return true;
}

std::int64_t key_sets::next_look_ms() const noexcept { return looked_at_ms_ ? *looked_at_ms_ + minute_ms : 0; }

void key_sets::load(const fs::path& directory, std::int64_t now_ms) {
  std::error_code none;
  std::vector<std::string> ours;
  for (std::size_t i = 0; i < remotes_.size(); ++i) {
    ours.push_back(file_of(remotes_[i].url));
    const auto one = read_cached(directory / ours.back(), remotes_[i].url);
    if (!one) continue;
    const auto age_ms = now_ms - one->fetched_at_ms;
    std::string why;
    if (age_ms > config_.keep_ms || age_ms < -clock_slack_ms) why = "they are too old";
    if (why.empty() && adopt(i, one->body, std::min(one->fetched_at_ms, now_ms), why))
      runtime::log::info("the keys of an earlier process count until their set is fetched",
                         {{"set", figures_[i]->set}, {"keys", remotes_[i].keys.size()}, {"age_ms", age_ms}});
    else
      runtime::log::warn("the keys of an earlier process do not count", {{"set", figures_[i]->set}, {"reason", why}});
  }
  for (const auto& each : fs::directory_iterator{directory, none})  // of URLs that the config has no more
    if (each.path().extension() == cache_ending &&
        std::ranges::find(ours, each.path().filename().string()) == ours.end())
      fs::remove(each.path(), none);
  combine();
}

void key_sets::save(std::size_t set, const fs::path& directory) const {
  const auto& from = remotes_[set];
  const auto file = directory / file_of(from.url);
  auto fresh = file;
  fresh += ".new";
  std::error_code failed;
  fs::create_directory(directory, failed);
  if (!failed) fs::permissions(directory, fs::perms::owner_all, failed);
  {
    std::ofstream out{fresh, std::ios::binary | std::ios::trunc};
    out << cache_format << ' ' << from.fetched_at_ms << ' ' << from.url << '\n' << from.body;
    out.flush();
    if (!out) failed = std::make_error_code(std::errc::io_error);
  }
  if (!failed) fs::rename(fresh, file, failed);
  if (failed)
    runtime::log::warn("a set of keys cannot be kept for the next start",
                       {{"file", file.string()}, {"reason", failed.message()}});
}

}  // namespace greenroom
