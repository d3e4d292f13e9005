#include "actors/access_keeper.hpp"

#include <chrono>
#include <stdexcept>
#include <utility>
#include <vector>

#include "actors/api_keys.hpp"
#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/revocations.hpp"
#include "actors/session_directory.hpp"
#include "actors/store_writer.hpp"
#include "runtime/ask.hpp"
#include "storage/store.hpp"

namespace greenroom::access_keeper {
namespace {

constexpr std::chrono::seconds between_looks{1};
constexpr std::chrono::minutes between_rounds{1};
constexpr std::size_t page = 1'000;

struct look {};   ///< To itself: was anything revoked?
struct round {};  ///< To itself: what is there to write?

}  // namespace
}  // namespace greenroom::access_keeper

GREENROOM_MESSAGE(greenroom::access_keeper::look)
GREENROOM_MESSAGE(greenroom::access_keeper::round)

namespace greenroom::access_keeper {

struct state {
  static inline const char* name = "access_keeper";
  state(runtime::actor_base* s, const options& o) : self{s}, ctx{o.ctx} {}

  caf::behavior start() {
    self->later(between_looks, look{});
    self->later(between_rounds, round{});
    return {
        [this](const look&) { look_once(); },
        [this](const round&) { write(); },
    };
  }

  void look_once();
  void write();
  void forget(storage::stored_revocation one);

  runtime::actor_base* self;
  context& ctx;
  std::uint64_t seen = 0;  ///< changes; a new life looks at all that there were
};

void state::look_once() {
  const auto now = ctx.keys->changes() + ctx.revoked->changes();
  if (now == seen) return self->later(between_looks, look{});
  runtime::ask(self, ctx.sessions, limits::ask_timeout, session_directory::look_for_revoked{})
      .then(
          [this, now](const session_directory::look_for_revoked::reply&) {
            seen = now;
            self->later(between_looks, look{});
          },
          [this](const caf::error&) { self->later(between_looks, look{}); });
}

void state::write() {
  self->later(between_rounds, round{});
  for (auto& each : ctx.keys->take_uses())
    store_writer::post(self, ctx, storage::api_key_used{std::move(each.id), each.at_ms});
  for (auto& each : ctx.revoked->over(ctx.now_ms())) {
    // A key has no end that a revocation could wait for: as long as there is one of its time, it holds.
    if (each.kind == storage::revoked::user && ctx.keys->has_of(each.name, each.at_ms)) continue;
    forget(std::move(each));
  }
}

void state::forget(storage::stored_revocation one) {
  store_writer::write_one(self, ctx, storage::revocation_erase{one.kind, one.name, one.until_ms},
                          [this, one](const storage::outcome& done) {
                            if (done.error != storage::errc::success && done.error != storage::errc::not_found) return;
                            if (ctx.revoked->find(one.kind, one.name) == one) ctx.revoked->erase(one.kind, one.name);
                          });
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, opts); }

std::shared_ptr<api_keys> load_keys(const storage::store& from, std::shared_ptr<const permissions> config) {
  std::vector<storage::stored_key> all;
  for (std::string after;;) {
    auto some = from.api_keys(after, page);
    if (!some) throw std::runtime_error{"The API keys cannot be read from the database."};
    if (some->empty()) break;
    after = some->back().id;
    std::move(some->begin(), some->end(), std::back_inserter(all));
  }
  return std::make_shared<api_keys>(std::move(all), std::move(config));
}

std::shared_ptr<revocations> load_revocations(const storage::store& from) {
  std::vector<storage::stored_revocation> all;
  for (const auto kind : {storage::revoked::user, storage::revoked::session, storage::revoked::token})
    for (std::string after;;) {
      auto some = from.revocations(kind, after, page);
      if (!some) throw std::runtime_error{"The revocations cannot be read from the database."};
      if (some->empty()) break;
      after = some->back().name;
      std::move(some->begin(), some->end(), std::back_inserter(all));
    }
  return std::make_shared<revocations>(std::move(all));
}

}  // namespace greenroom::access_keeper
