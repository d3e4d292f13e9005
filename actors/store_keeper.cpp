#include "actors/store_keeper.hpp"

#include <chrono>

#include "actors/context.hpp"
#include "actors/store_writer.hpp"
#include "runtime/ask.hpp"
#include "storage/store.hpp"

namespace greenroom::store_keeper {
namespace {

constexpr std::chrono::seconds between_rounds{1};
struct go_on {};  ///< To itself: the next step.

}  // namespace
}  // namespace greenroom::store_keeper

GREENROOM_MESSAGE(greenroom::store_keeper::go_on)

namespace greenroom::store_keeper {

struct state {
  static inline const char* name = "store_keeper";
  state(runtime::actor_base* s, const options& o) : self{s}, ctx{o.ctx} {}

  caf::behavior start() {
    self->later(between_rounds, go_on{});
    return {[this](const go_on&) {
      const storage::sweep step{.now_ms = ctx.now_ms()};
      const auto done = ctx.memory.commit(step);
      store_writer::write_one(self, ctx, step,
                              [this, left = done.ok() && done.left != 0](const storage::outcome& disk) {
                                if (left || (disk.ok() && disk.left != 0))
                                  runtime::tell(self, caf::actor{self}, go_on{});
                                else
                                  self->later(between_rounds, go_on{});
                              });
    }};
  }

  runtime::actor_base* self;
  context& ctx;
};

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, opts); }

}  // namespace greenroom::store_keeper
