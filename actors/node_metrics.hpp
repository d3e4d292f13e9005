/// What /metrics says beside the engine's own counts: the shards' turns, mailboxes, restarts, the HTTP servers, the log and the store.
#pragma once
#include <memory>

namespace greenroom::runtime {
class metrics;
}

namespace greenroom {

struct context;

/// Defines the families; both arguments outlive every scrape.
void collect_node_metrics(runtime::metrics& into, context& ctx);

}  // namespace greenroom
