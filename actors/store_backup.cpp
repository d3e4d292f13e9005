#include "actors/store_backup.hpp"

#include <chrono>
#include <filesystem>
#include <optional>

#include "actors/context.hpp"
#include "runtime/log.hpp"
#include "runtime/promise.hpp"

namespace greenroom::store_backup {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr int step_pages = 64;  ///< 256 KiB: well below a millisecond
constexpr auto between_steps = 1ms;

struct step {};  ///< To itself.

}  // namespace
}  // namespace greenroom::store_backup

GREENROOM_MESSAGE(greenroom::store_backup::step)

namespace greenroom::store_backup {

struct state {
  static inline const char* name = "store_backup";
  state(runtime::actor_base* s, const options& o) : self{s}, ctx{o.ctx} {}

  caf::behavior start() {
    return {
        [this](const back_up& m) { begin(m); },
        [this](const step&) { go_on(); },
    };
  }

  struct running {
    runtime::promise<back_up> owed;
    std::string file;
    clock::time_point began;
    std::unique_ptr<storage::sqlite_backup> copy;
  };

  void begin(const back_up& m);
  void go_on();
  void fail(runtime::promise<back_up>& owed, const std::string& file, const std::string& why);

  runtime::actor_base* self;
  context& ctx;
  std::optional<running> now;
};

void state::begin(const back_up& m) {
  runtime::promise<back_up> owed{self};
  if (!ctx.database) return owed.deliver(back_up::reply{.why = "This store has no backup."});
  if (now) return owed.deliver(back_up::reply{.why = "A backup is being made already, into " + now->file + "."});
  try {
    auto copy = std::make_unique<storage::sqlite_backup>(*ctx.database, m.file, m.old);
    now = running{std::move(owed), m.file, clock::now(), std::move(copy)};
    runtime::tell(self, caf::actor{self}, step{});
  } catch (const std::exception& e) {
    fail(owed, m.file, e.what());
  }
}

void state::go_on() {
  if (!now) return;
  try {
    if (!now->copy->step(step_pages).done) return self->later(between_steps, step{});
    auto done = *std::exchange(now, std::nullopt);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - done.began).count();
    const auto bytes = std::filesystem::file_size(done.file);
    runtime::log::info("the store was backed up", {{"file", done.file}, {"bytes", bytes}, {"ms", took}});
    done.owed.deliver(back_up::reply{.bytes = bytes, .took_ms = took});
  } catch (const std::exception& e) {
    if (!now) throw;
    auto failed = *std::exchange(now, std::nullopt);
    fail(failed.owed, failed.file, e.what());
  }
}

void state::fail(runtime::promise<back_up>& owed, const std::string& file, const std::string& why) {
  runtime::log::error("a backup failed", {{"file", file}, {"reason", why}});
  owed.deliver(back_up::reply{.why = why});
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn_detached<state>(where, opts); }

}  // namespace greenroom::store_backup
