#include "actors/secret_store.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "actors/context.hpp"
#include "actors/store_writer.hpp"
#include "runtime/log.hpp"
#include "runtime/promise.hpp"
#include "storage/store.hpp"
#include "storage/vault.hpp"

namespace greenroom::secret_store {
namespace {

constexpr std::size_t batch = 64;  ///< records that a rotation reads, and wraps anew, at once

struct step {};  ///< To itself.

/// Behind every name of the store's own.
const std::string& before_all_names() {
  static const std::string name(1, static_cast<char>(storage::reserved_names + 1));
  return name;
}

}  // namespace
}  // namespace greenroom::secret_store

GREENROOM_MESSAGE(greenroom::secret_store::step)

namespace greenroom::secret_store {

struct state {
  static inline const char* name = "secret_store";
  state(runtime::actor_base* s, const options& o) : self{s}, ctx{o.ctx} {}

  caf::behavior start() {
    return {
        [this](const put& m) { keep(m); },
        [this](const erase& m) { answer_when_written<erase>(storage::secret_erase{m.name}); },
        [this](const list& m) {
          return list::reply{ctx.disk.secrets(std::max(m.after, before_all_names()), m.count_max)};
        },
        [this](const rotate&) {
          begin();
          return rotate::reply{now};
        },
        [this](const look&) { return look::reply{now}; },
        [this](const count&) {
          return count::reply{ctx.disk.keks(), now};
        },
        [this](const step&) { go_on(); },
    };
  }

  template <class Request>
  void answer_when_written(storage::operation what) {
    auto owed = std::make_shared<runtime::promise<Request>>(self);
    store_writer::write_one(self, ctx, std::move(what), [owed](const storage::outcome& done) {
      owed->deliver(typename Request::reply{done.error});
    });
  }

  void keep(const put& m);
  void begin();
  void go_on();
  void settle(const std::vector<storage::outcome>& all);
  void end(std::string why);

  runtime::actor_base* self;
  context& ctx;
  progress now;
  std::string after;  ///< the name up to which a rotation has come
  bool last = false;  ///< nothing follows
};

void state::keep(const put& m) {
  if (!ctx.vault) throw std::logic_error{"a secret without a vault"};
  answer_when_written<put>(storage::secret_put{ctx.vault->seal(m.name, m.value, ctx.now_ms())});
}

void state::begin() {
  if (now.running || !ctx.vault) return;
  now = {.running = true};
  for (const auto& each : ctx.disk.keks())
    if (each.kek != ctx.vault->newest()) now.left += each.count;
  after.clear();
  last = false;
  runtime::log::info("data keys are wrapped anew", {{"key", ctx.vault->newest()}, {"left", now.left}});
  runtime::tell(self, caf::actor{self}, step{});
}

void state::go_on() {
  if (!now.running) return;
  if (last) return end({});
  const auto page = ctx.disk.secrets(after, batch);
  last = page.size() < batch;
  if (!page.empty()) after = page.back().name;
  store_writer::operations again;
  for (const auto& each : page) {
    if (each.kek == ctx.vault->newest()) continue;
    auto why = storage::unsealed::well;
    if (auto made = ctx.vault->rewrap(each, why))
      again.push_back(storage::secret_rewrap{each.name, each.wrapped, std::move(made->kek), std::move(made->wrapped)});
    else
      ++now.locked;
  }
  if (again.empty()) return runtime::tell(self, caf::actor{self}, step{});
  store_writer::write(self, ctx, std::move(again), [this](std::vector<storage::outcome>& all) { settle(all); });
}

void state::settle(const std::vector<storage::outcome>& all) {
  for (const auto& each : all) {
    if (!each.ok() && each.error != storage::errc::not_found) return end("the store takes nothing now");
    now.done += each.ok();  // not found: it was put again meanwhile, under the newest key, or erased
    now.left -= std::min<std::uint64_t>(now.left, 1);
  }
  runtime::tell(self, caf::actor{self}, step{});
}

void state::end(std::string why) {
  now.running = false;
  now.why = std::move(why);
  if (now.why.empty())
    runtime::log::info("all data keys were looked at", {{"rewrapped", now.done}, {"locked", now.locked}});
  else
    runtime::log::warn("data keys were not all wrapped anew", {{"rewrapped", now.done}, {"reason", now.why}});
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn_detached<state>(where, opts); }

}  // namespace greenroom::secret_store
