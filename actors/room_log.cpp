#include "actors/room_log.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "actors/store_reader.hpp"
#include "actors/store_writer.hpp"
#include "actors/subscription.hpp"
#include "runtime/ask.hpp"
#include "runtime/errc.hpp"
#include "runtime/log.hpp"

namespace greenroom {

using storage::errc;

storage::at_rest rest_of(const context& ctx, const room_policy& policy) {
  const auto& all = ctx.config.namespaces;
  const auto found = all.find(policy.name);
  return found != all.end() && found->second.encrypted ? storage::at_rest::encrypted : storage::at_rest::plain;
}

room_log::room_log(runtime::actor_base* self, context& ctx, std::string name, const room_policy& policy, events on)
    : self_{self},
      ctx_{ctx},
      name_{std::move(name)},
      policy_{policy},
      on_disk_{policy.kind == room_kind::durable},
      rest_{rest_of(ctx, policy)},
      on_{std::move(on)} {}

std::uint64_t room_log::oldest() const {
  if (on_disk_) return oldest_;
  const auto head = ctx_.memory.head(name_);
  return head ? head->first : newest_ + 1;
}

void room_log::open(std::function<void(errc)> then) {
  storage::log_open what{.log = name_, .keep = policy_.history, .rest = rest_};
  auto opened = [this, then = std::move(then)](const storage::outcome& done) {
    if (done.ok()) {
      failed_ = false;
      epoch_ = done.at.epoch;
      newest_ = done.at.seq;
      oldest_ = done.first;
    }
    then(done.error);
  };
  if (on_disk_)
    store_writer::write_one(self_, ctx_, std::move(what), std::move(opened));
  else
    opened(ctx_.memory.commit(std::move(what)));
}

// --- messages

storage::outcome room_log::append_now(storage::append&& what) {
  auto done = ctx_.memory.commit(std::move(what));
  take(done);
  return done;
}

void room_log::append(storage::append what, std::function<void(storage::outcome&)> then) {
  if (failed_) {
    storage::outcome refused{.error = errc::unavailable};
    return then(refused);
  }
  what.rest = rest_;
  gathered_.push_back({what.once, std::move(then)});
  gathered_ops_.push_back(std::move(what));
}

void room_log::take(const storage::outcome& what) {
  if (!what.ok() || what.duplicate) return;
  newest_ = what.at.seq;
  oldest_ = what.first;
}

void room_log::flush() {
  if (gathered_.empty()) return;
  std::move(gathered_.begin(), gathered_.end(), std::back_inserter(leaving_));
  gathered_.clear();
  store_writer::write(self_, ctx_, std::exchange(gathered_ops_, {}),
                      [this](std::vector<storage::outcome>& all) { settle(all); });
}

void room_log::settle(std::vector<storage::outcome>& all) {
  for (auto& each : all) {
    auto one = std::move(leaving_.front());
    leaving_.pop_front();
    failed_ = failed_ || each.error == errc::unavailable || each.error == errc::outcome_unknown;
    take(each);
    one.then(each);
  }
  if (failed_) fail_gathered();
  on_.settled();
  if (failed_ && leaving_.empty()) on_.failed();
}

void room_log::fail_gathered() {
  gathered_ops_.clear();
  for (auto& each : std::exchange(gathered_, {})) {
    storage::outcome refused{.error = errc::unavailable};
    each.then(refused);
  }
}

bool room_log::waits(const storage::idempotency& once) const {
  const auto same = [&](const pending& each) {
    return each.once && each.once->id == once.id && each.once->sender == once.sender;
  };
  return std::ranges::any_of(leaving_, same) || std::ranges::any_of(gathered_, same);
}

// --- reading

void room_log::read(std::uint64_t after, std::size_t count_max, std::size_t bytes_max, then_page then) const {
  if (!on_disk_) return then(ctx_.memory.read(name_, after, count_max, bytes_max));
  runtime::ask(self_, store_reader::of(ctx_, name_), store_reader::read_log{name_, after, {}, count_max, bytes_max})
      .then([then](const store_reader::read_log::reply& r) { then(r.page); },
            [then](const caf::error&) { then({.error = errc::unavailable}); });
}

void room_log::read_before(std::uint64_t before, std::size_t count_max, std::size_t bytes_max, then_page then) const {
  if (!on_disk_) return then(ctx_.memory.read_before(name_, before, count_max, bytes_max));
  runtime::ask(self_, store_reader::of(ctx_, name_), store_reader::read_log{name_, 0, before, count_max, bytes_max})
      .then([then](const store_reader::read_log::reply& r) { then(r.page); },
            [then](const caf::error&) { then({.error = errc::unavailable}); });
}

void room_log::recall(const storage::idempotency& once, std::function<void(bool)> then) const {
  if (waits(once)) return then(true);
  if (!on_disk_) return then(ctx_.memory.recall(once, ctx_.now_ms()).has_value());
  runtime::ask(self_, store_reader::of(ctx_, name_), store_reader::recall{once, ctx_.now_ms()})
      .then([then](const store_reader::recall::reply& r) { then(r.known.has_value()); },
            [this, once, then](const caf::error& why) {  // a reader that crashed is asked again
              why == runtime::errc::crashed ? recall(once, then) : then(false);
            });
}

// --- its behaviour's state, its members

void room_log::snapshot(std::function<void(const storage::bytes_ptr&)> then) const {
  if (!on_disk_) return then(ctx_.memory.snapshot(name_));
  runtime::ask(self_, store_reader::of(ctx_, name_), store_reader::read_snapshot{name_})
      .then([then](const store_reader::read_snapshot::reply& r) { then(r.snapshot); },
            [](const caf::error&) { throw std::runtime_error{"the behaviour's state cannot be read"}; });
}

void room_log::keep_snapshot(storage::bytes_ptr state) {
  storage::snapshot_put what{name_, std::move(state), rest_};
  auto kept = [name = name_](const storage::outcome& done) {
    if (!done.ok()) runtime::log::warn("a behaviour's state was not stored", {runtime::log::room(name)});
  };
  if (!on_disk_) return kept(ctx_.memory.commit(std::move(what)));
  flush();  // what was published before it is stored before it
  store_writer::write_one(self_, ctx_, std::move(what), std::move(kept));
}

void room_log::keep_member(const membership& who, std::uint64_t position, std::function<void(errc)> then) {
  if (!on_disk_) return then(errc::success);
  storage::membership_put what{
      .session = who.session.value,
      .member = {.room = name_,
                 .seen = {epoch_, position},
                 .incarnation = static_cast<std::uint64_t>(who.number),
                 .since_ms = who.since_ms,
                 .presence = who.presence ? std::string{who.presence->as(codecs::format::msgpack)} : std::string{}}};
  store_writer::write_one(self_, ctx_, std::move(what), [then](const storage::outcome& done) {
    then(done.error == errc::not_found ? errc::success : done.error);  // a session that cannot be resumed is not stored
  });
}

}  // namespace greenroom
