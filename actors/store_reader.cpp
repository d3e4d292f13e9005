#include "actors/store_reader.hpp"

#include <functional>

#include "actors/context.hpp"
#include "storage/store.hpp"

namespace greenroom::store_reader {

struct state {
  static inline const char* name = "store_reader";
  state(runtime::actor_base*, const options& o) : disk{o.ctx.disk} {}

  caf::behavior start() {
    return {
        [this](const read_log& m) {
          return read_log::reply{m.before ? disk.read_before(m.log, *m.before, m.count_max, m.bytes_max)
                                          : disk.read(m.log, m.after, m.count_max, m.bytes_max)};
        },
        [this](const read_head& m) { return read_head::reply{disk.head(m.log)}; },
        [this](const read_snapshot& m) { return read_snapshot::reply{disk.snapshot(m.log)}; },
        [this](const recall& m) { return recall::reply{disk.recall(m.once, m.now_ms)}; },
        [this](const read_inbox& m) {
          return read_inbox::reply{disk.read_inbox(m.user, m.after, m.count_max, m.bytes_max, m.now_ms)};
        },
        [this](const find_session& m) { return find_session::reply{disk.session(m.id)}; },
        [this](const list_inboxes& m) { return list_inboxes::reply{disk.inboxes(m.after, m.count_max)}; },
        [this](const list_dead& m) { return list_dead::reply{disk.dead_letters(m.user, m.after, m.count_max)}; },
    };
  }

  const storage::store& disk;
};

const caf::actor& of(const context& ctx, std::string_view key) {
  return ctx.readers[std::hash<std::string_view>{}(key) % ctx.readers.size()];
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn_detached<state>(where, opts); }

}  // namespace greenroom::store_reader
