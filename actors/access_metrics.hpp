/// What /metrics says of who may come: keys and their sets, revocations, the audit log. Called once, by node_metrics.
#pragma once

namespace greenroom::runtime {
class metrics;
}

namespace greenroom {

struct context;

/// What scrapes read of keys, revocations and the audit log. Once, before the first scrape; `ctx` outlives `into`.
void collect_access_metrics(runtime::metrics& into, context& ctx);

}  // namespace greenroom
