#include "actors/room_host.hpp"

#include <algorithm>
#include <stdexcept>

#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/session_directory.hpp"
#include "actors/trial_control.hpp"
#include "codecs/content_hash.hpp"
#include "codecs/limits.hpp"
#include "runtime/errc.hpp"
#include "runtime/log.hpp"
#include "storage/limits.hpp"
#include "storage/store.hpp"

namespace greenroom {
namespace {

using codecs::error_code;

codecs::error replaced() {
  return codecs::make_error(error_code::unavailable, "a newer build of the room's behaviour took over: try again");
}

party party_of(const membership& who) { return {who.user, who.session, who.kind}; }

void show_as(subscription& who, std::string as, codecs::payload_ptr meta) {
  if (as.size() > codecs::limits::user_bytes_max) throw std::length_error{"a member's name is too long"};
  if (meta && meta->original().size() > codecs::limits::presence_bytes_max)
    throw std::length_error{"what is shown of a member has more than " +
                            std::to_string(codecs::limits::presence_bytes_max) + " bytes"};
  who.shown.store(std::make_shared<const shown_member>(shown_member{std::move(as), std::move(meta)}));
}

}  // namespace

// --- requests that wait for a decision

struct room_host::undecided_publish final : publish_request::pending {
  undecided_publish(room_host& h, const room::publish& m, std::optional<storage::idempotency> content)
      : host{&h}, message{m}, once{std::move(content)} {
    if (!message.by)
      message.by = std::make_shared<const party>(party{user_id{m.draft->from}, {}, identity::authenticated});
    h.undecided_.insert(this);
    if (once) h.by_id_.emplace(sender_id{once->sender, once->id}, this);
  }
  ~undecided_publish() override { close(codecs::make_error(error_code::internal)); }

  const party& from() const noexcept override { return *message.by; }
  const std::string& event() const noexcept override { return message.draft->event; }
  const codecs::payload_ptr& payload() const noexcept override { return message.draft->body; }
  void rewrite(std::string event, codecs::payload_ptr payload) override {
    if (!payload || event.empty()) throw std::invalid_argument{"a message has an event and a payload"};
    if (!host) return;
    message.draft->event = std::move(event);
    message.draft->body = std::move(payload);
  }
  void accept() override {
    if (auto* h = leave()) {
      h->room_.store(message, once, h->state_to_store());
      so_far = judgement::accepted;
      for (const auto& each : repeats) h->room_.store(each, once_of(each), nullptr);
    }
  }
  void refuse(codecs::error why) override { close(why); }
  void answer(codecs::result result) override { settle(std::move(result)); }
  void repeated(const room::publish& m) {
    if (repeats.size() >= limits::undecided_repeats_max)
      return m.reply(codecs::make_error(error_code::unavailable, "this message is being decided"));
    repeats.push_back(m);
  }
  /// The host goes: whoever keeps this keeps nothing.
  void orphan() noexcept { host = nullptr; }

  room_host* leave() {
    auto* h = std::exchange(host, nullptr);
    if (!h) return nullptr;
    h->undecided_.erase(this);
    if (once) h->by_id_.erase({once->sender, once->id});
    return h;
  }
  void close(const codecs::error& why) { settle(why); }
  /// Behind what the behaviour has said to the sender before.
  void settle(const codecs::outcome& what) {
    auto* h = leave();
    if (!h) return;
    so_far = judgement::answered;
    if (h->host().pushes_under_way(message.by->session))
      h->host().after_pushes(message.by->session, [reply = message.reply, what] { reply(what); });
    else
      message.reply(what);
    for (const auto& each : repeats) each.reply(what);
  }
  static std::optional<storage::idempotency> once_of(const room::publish& m) {
    if (!m.client_id) return std::nullopt;
    return storage::idempotency{m.sender, m.draft->id,
                                codecs::content_hash("room.publish", m.draft->room, m.draft->event, *m.draft->body)};
  }

  room_host* host;  ///< null once it is decided, or nobody waits any more
  room::publish message;
  std::optional<storage::idempotency> once;
  std::vector<room::publish> repeats;  ///< of the same id, while it waits
  judgement so_far = judgement::none;
};

struct room_host::undecided_join final : join_request::pending {
  undecided_join(room_host& h, subscription_ptr m, codecs::payload_ptr said, decision what)
      : host{&h}, who_{std::move(m)}, member{party_of(who_->who)}, said{std::move(said)}, decide{std::move(what)} {
    h.joins_.emplace(who_->who.number, this);
  }
  ~undecided_join() override { refuse(codecs::make_error(error_code::internal)); }

  const party& who() const noexcept override { return member; }
  const codecs::payload_ptr& presence() const noexcept override { return who_->who.presence; }
  const codecs::payload_ptr& params() const noexcept override { return said; }
  void show(std::string as, codecs::payload_ptr meta) override {
    if (host) show_as(*who_, std::move(as), std::move(meta));
  }
  void accept(codecs::payload_ptr reply) override {
    if (leave()) decide.accept(reply);
  }
  void refuse(codecs::error why) override {
    if (leave()) decide.refuse(std::move(why));
  }
  bool leave() {
    auto* h = std::exchange(host, nullptr);
    if (h) h->joins_.erase(who_->who.number);
    return h != nullptr;
  }

  room_host* host;
  subscription_ptr who_;
  party member;
  codecs::payload_ptr said;
  decision decide;
};

// --- life

room_host::room_host(runtime::actor_base* self, context& ctx, hosting_room& room, room_id id, room_build_ptr build,
                     const storage::bytes_ptr& state)
    : hosted{self, ctx, "room " + id.value, [this](std::string_view timer) { behaviour_->on_timer(timer); }},
      ctx_{ctx},
      room_{room},
      id_{std::move(id)},
      build_{std::move(build)},
      behaviour_{build_->make(*this)} {
  if (state && !state->empty()) behaviour_->restore(*state);
}

room_host::~room_host() {
  for (auto* each : undecided_) each->orphan();
  for (auto& [number, each] : joins_) each->host = nullptr;
}

bool room_host::idle() const {
  return undecided_.empty() && waiting_.empty() && !recalling_ && joins_.empty() && host().idle();
}

// --- members

void room_host::join(const subscription_ptr& who, codecs::payload_ptr params, decision what) {
  if (undecided_.size() + joins_.size() >= limits::undecided_max)
    return what.refuse(codecs::make_error(error_code::unavailable, "the room decides about too much at once"));
  behaviour_->on_join(join_request{std::make_shared<undecided_join>(*this, who, std::move(params), std::move(what))});
}

bool room_host::withdraw(incarnation number) {
  const auto found = joins_.find(number);
  if (found == joins_.end()) return false;
  found->second->leave();
  return true;
}

void room_host::left(const membership& who) { behaviour_->on_leave(party_of(who)); }

std::vector<party> room_host::members() const {
  std::vector<party> all;
  for (const auto& [session, entry] : room_.members()) all.push_back(party_of(entry->who));
  return all;
}

// --- messages

/// In their order: one that has to be looked for on disk holds back those behind it.
void room_host::publish(const room::publish& m) {
  if (undecided_.size() + joins_.size() + waiting_.size() >= limits::undecided_max)
    return m.reply(codecs::make_error(error_code::unavailable, "the room decides about too much at once"));
  if (recalling_) return waiting_.push_back(m);
  decide(m);
}

/// A repeat of what is stored gets its acknowledgement again, a repeat of what waits waits with it; neither is shown to
/// the behaviour.
void room_host::decide(const room::publish& m) {
  auto once = undecided_publish::once_of(m);
  if (!once) return decide_new(m, std::nullopt);
  const auto waiting = by_id_.find(sender_id{once->sender, once->id});
  if (waiting != by_id_.end()) return waiting->second->repeated(m);
  recalling_ = true;
  room_.recall(*once, [this, m, once, alive = std::weak_ptr{alive_}](bool known) {
    if (alive.expired()) return;
    recalling_ = false;
    if (known)
      room_.store(m, once, nullptr);
    else
      decide_new(m, once);
    decide_next();
  });
}

void room_host::decide_next() {
  while (!recalling_ && !waiting_.empty()) {
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    decide(next);
  }
}

void room_host::decide_new(const room::publish& m, std::optional<storage::idempotency> once) {
  const auto pending = std::make_shared<undecided_publish>(*this, m, std::move(once));
  const auto event = m.draft->event;  // as they were sent
  const auto payload = m.draft->body;
  try {
    behaviour_->on_message(publish_request{pending});
  } catch (...) {
    room_.casualties().fell(m, event, payload, pending->so_far);
    pending->leave();  // its answer is lost on the way, and says where in the log
    throw;
  }
}

void room_host::publish(publication what) {
  const auto m = host().message_of(id_, std::move(what));
  room_.store(m, undecided_publish::once_of(m), state_to_store());
}

void room_host::push_event(const session_id& to, std::string event, codecs::payload_ptr payload) {
  host().push(to, codecs::pushes::room_push{id_.value, std::move(event), std::move(payload)});
}

void room_host::show(const session_id& whom, codecs::payload_ptr meta) {
  const auto found = room_.members().find(whom);
  if (found == room_.members().end()) return;
  const auto before = found->second->shown.load();
  show_as(*found->second, before ? before->as : std::string{}, std::move(meta));
  room_.show(*found->second);
}

void room_host::remove(const session_id& whom, std::string reason) {
  if (!room_.members().contains(whom)) return;
  host().push(whom,
              codecs::pushes::room_notice{
                  .room = id_.value, .code = "removed", .from = {}, .to = {}, .epoch = {}, .text = std::move(reason)});
  room_.remove(whom);
}

// --- state

void room_host::changed() {
  if (std::exchange(changed_, true)) return;
  room_.store_at_turn_end();
}

/// The state for the transaction of a message; null where it has not changed.
storage::bytes_ptr room_host::state_to_store() {
  if (!std::exchange(changed_, false)) return nullptr;
  auto state = behaviour_->snapshot();
  if (state.size() > storage::limits::snapshot_bytes_max)
    throw std::length_error{"the behaviour's state has " + std::to_string(state.size()) + " bytes, more than " +
                            std::to_string(storage::limits::snapshot_bytes_max)};
  return std::make_shared<const std::string>(std::move(state));
}

void room_host::keep_state() {
  if (auto state = state_to_store()) room_.keep(std::move(state));
}

// --- another build

/// What the living object's state becomes in that build; throws what it throws.
std::unique_ptr<room_behaviour> room_host::restored(const room_build& other, room_control& with) const {
  const auto state = behaviour_->snapshot();
  auto made = other.make(with);
  if (!made) throw std::runtime_error{"it makes no object"};
  if (!state.empty()) made->restore(state);
  return made;
}

std::optional<std::string> room_host::try_build(const room_build& other) {
  try {
    room_on_trial trial{id_, now_ms(), members()};
    restored(other, trial);
    return std::nullopt;
  } catch (...) {
    return runtime::what(std::current_exception());
  }
}

void room_host::swap(room_build_ptr next, std::function<void(std::string)> done) {
  next_ = std::move(next);
  swapped_ = std::move(done);
  host().when_answered(limits::swap_patience, [this] { take_over(); });
}

/// What the older object still held is given back to its senders, who may try again: nothing of it was stored.
void room_host::take_over() {
  const auto build = std::exchange(next_, nullptr);
  const auto done = std::exchange(swapped_, nullptr);
  std::unique_ptr<room_behaviour> made;
  try {
    made = restored(*build, *this);
  } catch (...) {  // its state has changed since the trial
    return done(runtime::what(std::current_exception()));
  }
  for (auto* each : std::vector<undecided_publish*>{undecided_.begin(), undecided_.end()}) each->close(replaced());
  for (auto& [number, each] : std::map<incarnation, undecided_join*>{joins_}) each->refuse(replaced());
  behaviour_ = std::move(made);
  build_ = build;
  changed();
  behaviour_->on_start(beginning::swapped);
  done({});
}

}  // namespace greenroom
