#include "actors/room_replay.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "actors/answer.hpp"
#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/room.hpp"
#include "actors/room_casualties.hpp"
#include "actors/store_writer.hpp"
#include "runtime/promise.hpp"

namespace greenroom::room_replay {
namespace {

struct said {  ///< To itself: what the room says of a letter, or that it says nothing.
  std::size_t letter;
  fate what;
};
struct give_up {};  ///< To itself: the asker waits no longer.

fate fate_of(const codecs::outcome& what) {
  using codecs::error_code;
  const auto* why = std::get_if<codecs::error>(&what);
  if (!why) return fate::published;
  switch (why->code) {
    case error_code::internal: return fate::crashed;
    case error_code::unavailable:
    case error_code::rate_limited:
    case error_code::timed_out:
    case error_code::draining: return fate::failed;
    default: return fate::refused;
  }
}

class listener final : public replier {
 public:
  listener(caf::actor to, std::size_t letter) : to_{std::move(to)}, letter_{letter} {}
  void reply(const codecs::reply_ref&, codecs::outcome what) override { tell(fate_of(what)); }
  void leave_unknown(const codecs::reply_ref&) override { tell(fate::failed); }

 private:
  void tell(fate what) const { runtime::tell(to_, said{letter_, what}); }

  caf::actor to_;
  std::size_t letter_;
};

}  // namespace
}  // namespace greenroom::room_replay

GREENROOM_MESSAGE(greenroom::room_replay::said)
GREENROOM_MESSAGE(greenroom::room_replay::give_up)

namespace greenroom::room_replay {

struct state {
  static inline const char* name = "room_replay";
  state(runtime::actor_base* s, const options& o) : self{s}, ctx{o.ctx} {}

  caf::behavior start() {
    return {
        [this](const publish_again& m) { begin(m); },
        [this](const said& m) { hear(m); },
        [this](const give_up&) { answer(); },
    };
  }

  void begin(const publish_again& m);
  void go_on(const std::string& room);
  void hear(const said& m);
  void settle(std::size_t letter);
  void close(std::size_t letter, fate what);
  void answer();

  runtime::actor_base* self;
  context& ctx;
  std::optional<runtime::promise<publish_again>> owed;
  std::vector<storage::dead_letter> letters;
  std::vector<std::optional<fate>> fates;
  std::vector<bool> heard;
  struct of_room {
    std::deque<std::size_t> letters;
    std::size_t crashes = 0;
  };
  std::map<std::string, of_room> waiting;
  std::size_t open = 0;
};

void state::begin(const publish_again& m) {
  owed.emplace(self);
  letters = m.letters;
  fates.resize(letters.size());
  heard.resize(letters.size());
  open = letters.size();
  for (std::size_t i = 0; i < letters.size(); ++i) waiting[letters[i].room].letters.push_back(i);
  if (open == 0) return answer();
  self->later(limits::room_replay_max, give_up{});
  std::vector<std::string> rooms;
  for (const auto& [room, theirs] : waiting) rooms.push_back(room);
  for (const auto& room : rooms) go_on(room);
}

/// The next letter of that room: one that crashes it takes along what waits beside it there.
void state::go_on(const std::string& room) {
  auto& next = waiting[room];
  if (next.letters.empty()) return;
  const auto letter = next.letters.front();
  next.letters.pop_front();
  if (next.crashes >= limits::room_replay_crashes_max) return close(letter, fate::failed);
  if (ctx.policies.of(room).kind != room_kind::durable) return close(letter, fate::refused);  // it would keep less
  auto message = published_again(
      letters[letter], greenroom::answer{ctx, std::make_shared<listener>(caf::actor{self}, letter), {}, "dead_replay"});
  if (!message) return close(letter, fate::missing);
  runtime::tell(self, ctx.rooms_of(room), std::move(*message));
  self->later(limits::ask_timeout, said{letter, fate::failed});
}

void state::hear(const said& m) {
  if (heard[m.letter]) return;
  heard[m.letter] = true;
  if (m.what == fate::published) return settle(m.letter);
  close(m.letter, m.what);
}

void state::settle(std::size_t letter) {
  store_writer::write_one(self, ctx, storage::dead_settle{letters[letter].id},
                          [this, letter](const storage::outcome& done) {  // not found: somebody was faster
                            const bool left = done.ok() || done.error == storage::errc::not_found;
                            close(letter, left ? fate::published : fate::failed);
                          });
}

void state::close(std::size_t letter, fate what) {
  heard[letter] = true;
  fates[letter] = what;
  if (what == fate::crashed) ++waiting[letters[letter].room].crashes;
  if (--open == 0) return answer();
  go_on(letters[letter].room);
}

void state::answer() {
  publish_again::reply told;
  for (const auto& each : fates) told.all.push_back(each.value_or(fate::failed));
  owed->deliver(std::move(told));
  self->quit();
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, opts); }

}  // namespace greenroom::room_replay
