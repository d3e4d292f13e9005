#include "actors/access_metrics.hpp"

#include <array>
#include <string_view>
#include <vector>

#include "actors/api_keys.hpp"
#include "actors/audit.hpp"
#include "actors/context.hpp"
#include "actors/revocations.hpp"
#include "actors/tokens.hpp"
#include "runtime/metrics.hpp"

namespace greenroom {
namespace {

using runtime::family;
using runtime::metrics;
using runtime::sample;
using samples = std::vector<sample>;

constexpr double ms_per_s = 1'000;

double number(std::uint64_t n) { return static_cast<double>(n); }

/// The words of a fetch that failed, in the order of the enum.
constexpr std::array<std::string_view, static_cast<std::size_t>(runtime::fetch_outcome::cancelled)> fetch_words{
    "", "unreachable", "untrusted", "timed_out", "refused", "too_large", "broken"};

void collect_key_sets(metrics& into, context& ctx) {
  auto add = [&](family what, metrics::kind kind, auto read) {
    what.labels.insert(what.labels.begin(), "set");
    into.collect(std::move(what), kind, [&ctx, read] {
      samples all;
      if (ctx.tokens)
        for (const auto& each : ctx.tokens->sets()) read(*each, all);
      return all;
    });
  };
  add({"greenroom_key_set_keys", "Keys of a fetched set that count."}, metrics::kind::gauge,
      [](const key_set_figures& f, samples& to) {
        to.push_back({{f.set}, number(f.keys)});
      });
  add({"greenroom_key_set_age_seconds", "How long ago it was fetched; absent: never."}, metrics::kind::gauge,
      [&ctx](const key_set_figures& f, samples& to) {
        const auto at = f.fetched_at_ms.load();
        if (at != 0) to.push_back({{f.set}, static_cast<double>(ctx.now_ms() - at) / ms_per_s});
      });
  add({"greenroom_key_set_fetches_total", "Fetches, by what came of them.", {"result"}}, metrics::kind::counter,
      [](const key_set_figures& f, samples& to) {
        to.push_back({{f.set, "good"}, number(f.good)});
        to.push_back({{f.set, "unusable"}, number(f.unusable)});
        for (std::size_t i = 1; i < f.failed.size(); ++i)
          to.push_back({{f.set, std::string{fetch_words[i]}}, number(f.failed[i])});
      });
}

void collect_access(metrics& into, context& ctx) {
  into.collect({"greenroom_api_keys", "API keys that there are."}, metrics::kind::gauge,
               [&ctx] { return number(ctx.keys ? ctx.keys->size() : 0); });
  into.collect({"greenroom_api_keys_accepted_total", "Times that a client came with an API key that there is."},
               metrics::kind::counter, [&ctx] { return number(ctx.keys ? ctx.keys->accepted() : 0); });
  into.collect({"greenroom_api_keys_refused_total", "Times that what should be an API key was none.", {"reason"}},
               metrics::kind::counter, [&ctx] {
                 samples all;
                 for (std::size_t i = 0; ctx.keys && i < key_refusals; ++i) {
                   const auto why = static_cast<key_refusal>(i);
                   all.push_back({{std::string{word_of(why)}}, number(ctx.keys->refused(why))});
                 }
                 return all;
               });
  into.collect({"greenroom_revocations", "Users, sessions and tokens that are revoked."}, metrics::kind::gauge,
               [&ctx] { return number(ctx.revoked ? ctx.revoked->size() : 0); });
  into.collect({"greenroom_revoked_refused_total", "Times that a client came with what was revoked.", {"kind"}},
               metrics::kind::counter, [&ctx] {
                 samples all;
                 for (std::size_t i = 0; ctx.revoked && i < revocations::kinds; ++i) {
                   const auto kind = static_cast<storage::revoked>(i);
                   all.push_back({{std::string{word_of(kind)}}, number(ctx.revoked->refused(kind))});
                 }
                 return all;
               });
}

void collect_audit(metrics& into, context& ctx) {
  using figures = audit::figures;
  auto add = [&](std::string name, std::string help, metrics::kind what, std::atomic<std::uint64_t> figures::*which) {
    into.collect({std::move(name), std::move(help)}, what, [&ctx, which] {
      return ctx.audit ? samples{{{}, number((ctx.audit->counters().*which).load())}} : samples{};
    });
  };
  add("greenroom_audit_lines_total", "Lines written to the audit log.", metrics::kind::counter, &figures::lines);
  add("greenroom_audit_last_line", "Number of the newest line of the audit log.", metrics::kind::gauge, &figures::last);
  add("greenroom_audit_folded_total", "Refusals that were counted in one line with others.", metrics::kind::counter,
      &figures::folded);
  add("greenroom_audit_failures_total", "Writes of the audit log that failed.", metrics::kind::counter,
      &figures::failures);
  into.collect({"greenroom_audit_lost_total", "Lines that the audit log lacks.", {"reason"}}, metrics::kind::counter,
               [&ctx] {
                 if (!ctx.audit) return samples{};
                 const auto& now = ctx.audit->counters();
                 return samples{{{"queue"}, number(now.lost_queue)}, {{"disk"}, number(now.lost_disk)}};
               });
}

}  // namespace

void collect_access_metrics(metrics& into, context& ctx) {
  collect_key_sets(into, ctx);
  collect_access(into, ctx);
  collect_audit(into, ctx);
}

}  // namespace greenroom
