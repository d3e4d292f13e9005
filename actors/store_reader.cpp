#include "actors/store_reader.hpp"

#include <functional>
#include <limits>

#include "actors/context.hpp"
#include "storage/store.hpp"

namespace greenroom::store_reader {
namespace {

constexpr auto whenever = std::numeric_limits<std::int64_t>::min();  ///< a time at which nothing has expired

}  // namespace

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
        [this](const list_inboxes& m) { return list(m); },
        [this](const list_holders& m) { return list_holders::reply{disk.inbox_holders(m.after, m.rows_max)}; },
        [this](const list_dead& m) {
          return list_dead::reply{m.room ? disk.dead_letters_of_room(*m.room, m.after, m.count_max)
                                         : disk.dead_letters(m.user, m.after, m.count_max)};
        },
        [this](const find_dead& m) { return find(m); },
    };
  }

  list_inboxes::reply list(const list_inboxes& m) const {
    list_inboxes::reply found{disk.inboxes(m.after, m.count_max), {}};
    for (const auto& each : found.all) {
      const auto page = disk.read_inbox(each.user, 0, 1, 1, whenever);
      found.oldest_ms.push_back(page.messages.empty() ? 0 : page.messages.front().at_ms);
    }
    return found;
  }

  find_dead::reply find(const find_dead& m) const {
    find_dead::reply found;
    for (const auto letter : m.letters) {
      auto next = letter == 0 ? std::vector<storage::dead_letter>{} : disk.dead_letters({}, letter - 1, 1);
      if (!next.empty() && next.front().id == letter) found.all.push_back(std::move(next.front()));
    }
    return found;
  }

  const storage::store& disk;
};

const caf::actor& of(const context& ctx, std::string_view key) {
  return ctx.readers[std::hash<std::string_view>{}(key) % ctx.readers.size()];
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn_detached<state>(where, opts); }

}  // namespace greenroom::store_reader
