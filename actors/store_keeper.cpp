#include "actors/store_keeper.hpp"

#include <chrono>

#include "actors/context.hpp"
#include "actors/store_writer.hpp"
#include "runtime/ask.hpp"
#include "storage/store.hpp"

namespace greenroom::store_keeper {
namespace {

constexpr std::chrono::seconds between_rounds{1};
struct sweep_memory {};  ///< To itself: the next step. The memory has many parts and the disk few.
struct sweep_disk {};

}  // namespace
}  // namespace greenroom::store_keeper

GREENROOM_MESSAGE(greenroom::store_keeper::sweep_memory)
GREENROOM_MESSAGE(greenroom::store_keeper::sweep_disk)

namespace greenroom::store_keeper {

struct state {
  static inline const char* name = "store_keeper";
  state(runtime::actor_base* s, const options& o) : self{s}, ctx{o.ctx} {}

  caf::behavior start() {
    self->later(between_rounds, sweep_memory{});
    self->later(between_rounds, sweep_disk{});
    return {
        [this](const sweep_memory& m) { next(ctx.memory.commit(storage::sweep{.now_ms = ctx.now_ms()}), m); },
        [this](const sweep_disk& m) {
          store_writer::write_one(self, ctx, storage::sweep{.now_ms = ctx.now_ms()},
                                  [this, m](const storage::outcome& done) { next(done, m); });
        },
    };
  }

  /// A step goes on at once where its round has more.
  template <class Step>
  void next(const storage::outcome& done, Step again) {
    if (done.ok() && done.left != 0)
      runtime::tell(self, caf::actor{self}, again);
    else
      self->later(between_rounds, again);
  }

  runtime::actor_base* self;
  context& ctx;
};

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, opts); }

}  // namespace greenroom::store_keeper
