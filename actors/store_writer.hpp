/// STORE_WRITER is the one that commits to the durable store. It has no timer: what arrives while a commit runs is the
/// next batch. Everybody in a batch is answered after its COMMIT has returned.
///
///   room, queue, session ── commit ──▶ writer ──▶ one transaction ──▶ their outcomes, in their order
///
/// A batch that fails is stored by nobody. A log that had an append in it takes none any more, and no state of its
/// behaviour, until its room has read its head again (`log_open`): what the room had sent behind the failed message must
/// not overtake it.
///
/// Parent: store supervisor, permanent, detached: it waits for the disk.
/// Crash: who waits is told errc::crashed, which means unknown, and its logs are barred as after a failure; it goes on
///   with the next batch.
/// Bounds: storage::limits::batch_operations_max operations a batch; what may wait: limits::uncommitted_bytes_max,
///   which askers look at (`context::uncommitted_bytes`).
#pragma once
#include <caf/actor.hpp>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "actors/context.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"
#include "storage/operation.hpp"

namespace greenroom::store_writer {

using logs = std::unordered_set<std::string>;

struct options {
  context& ctx;
  /// Logs that are barred, in every life, until their rooms have opened them again.
  std::shared_ptr<logs> barred = std::make_shared<logs>();
};

using operations = std::vector<storage::operation>;
using outcomes = std::vector<storage::outcome>;

/// Operations on their way, counted in `context::uncommitted_bytes` as long as they live.
struct parcel {
  parcel(const context& c, operations what);
  ~parcel();
  parcel(const parcel&) = delete;
  parcel& operator=(const parcel&) = delete;

  operations all;

 private:
  const context& ctx_;
  std::uint64_t bytes_;
};

struct commit {                  ///< In the order of each sender. At most batch_operations_max.
  std::shared_ptr<parcel> what;  ///< nobody else holds it
  struct reply {
    std::shared_ptr<outcomes> all;  ///< one each
  };
};

caf::actor spawn(const runtime::place& where, options opts);

/// Asks the writer; `then` takes the outcomes, and `outcome_unknown` for each where the writer has crashed.
template <class Then>
void write(runtime::actor_base* self, const context& ctx, operations what, Then then);

/// The same for one operation; `then` takes its outcome.
template <class Then>
void write_one(runtime::actor_base* self, const context& ctx, storage::operation what, Then then);

/// Nobody waits for it.
void post(runtime::actor_base* self, const context& ctx, storage::operation what);

}  // namespace greenroom::store_writer

GREENROOM_REQUEST(greenroom::store_writer::commit)

namespace greenroom::store_writer {

template <class Then>
void write(runtime::actor_base* self, const context& ctx, operations what, Then then) {
  const auto count = what.size();
  runtime::ask(self, ctx.writer, commit{std::make_shared<parcel>(ctx, std::move(what))})
      .then([then](const commit::reply& r) mutable { then(*r.all); },
            [then, count](const caf::error&) mutable {
              outcomes unknown(count, storage::outcome{.error = storage::errc::outcome_unknown});
              then(unknown);
            });
}

template <class Then>
void write_one(runtime::actor_base* self, const context& ctx, storage::operation what, Then then) {
  operations one;
  one.push_back(std::move(what));
  write(self, ctx, std::move(one), [then](outcomes& all) mutable { then(all.front()); });
}

}  // namespace greenroom::store_writer
