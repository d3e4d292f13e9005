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
    return {[this](const go_on&) { step(); }};
  }

  /// The memory has many parts and the disk few: neither is asked again because the other has more to do.
  void step() {
    const storage::sweep what{.now_ms = ctx.now_ms()};
    if (memory_left) memory_left = has_more(ctx.memory.commit(what));
    if (!disk_left) return end_step();
    store_writer::write_one(self, ctx, what, [this](const storage::outcome& done) {
      disk_left = has_more(done);
      end_step();
    });
  }

  void end_step() {
    if (memory_left || disk_left) return runtime::tell(self, caf::actor{self}, go_on{});
    memory_left = disk_left = true;
    self->later(between_rounds, go_on{});
  }

  static bool has_more(const storage::outcome& done) { return done.ok() && done.left != 0; }

  runtime::actor_base* self;
  context& ctx;
  bool memory_left = true, disk_left = true;  ///< of this round
};

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, opts); }

}  // namespace greenroom::store_keeper
