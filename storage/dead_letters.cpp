#include "storage/dead_letters.hpp"

namespace greenroom::storage {

std::uint64_t dead_letters::cost(const dead_letter& letter) noexcept {
  return limits::message_overhead_bytes + letter.user.size() + letter.room.size() + letter.sender.size() +
         letter.body->size();
}

dead_letters::letters::iterator dead_letters::remove(letters::iterator one) {
  bytes_ -= cost(one->second);
  if (one->second.message) messages_.erase(*one->second.message);
  return letters_.erase(one);
}

dead_letters::letters::iterator dead_letters::purge(letters::iterator one) {
  ++purged_;
  return remove(one);
}

void dead_letters::bury(std::string_view user, inbox_message message, dead_reason reason, std::int64_t now_ms) {
  std::lock_guard guard{mutex_};
  add({{.user = std::string{user},
        .n = message.n,
        .at_ms = message.at_ms,
        .died_ms = now_ms,
        .reason = reason,
        .attempts = message.attempts,
        .body = std::move(message.body)}});
  ++(reason == dead_reason::expired ? expired_ : undeliverable_);
  shrink();
}

dead_letters::letters::iterator dead_letters::add(kept&& letter) {
  letter.id = ++last_id_;
  bytes_ += cost(letter);
  return letters_.emplace(last_id_, std::move(letter)).first;
}

void dead_letters::shrink() {
  while (bytes_ > bytes_max_ && !letters_.empty()) purge(letters_.begin());
}

outcome dead_letters::execute(const dead_put& op) {
  std::lock_guard guard{mutex_};
  const auto [message, is_new] =
      messages_.try_emplace(message_key{op.once.sender, op.once.id, op.once.content}, last_id_ + 1);
  if (!is_new) {
    ++letters_.at(message->second).attempts;
    return {.duplicate = true, .n = message->second};
  }
  const auto added = add({{.room = op.room,
                           .sender = op.once.sender,
                           .kind = op.kind,
                           .at_ms = op.now_ms,
                           .died_ms = op.now_ms,
                           .reason = dead_reason::crashed,
                           .attempts = 1,
                           .body = op.body}});
  added->second.message = message;
  ++crashed_;
  const outcome out{.n = added->first};
  shrink();
  return out;
}

outcome dead_letters::execute(const dead_settle& op) {
  std::lock_guard guard{mutex_};
  const auto found = letters_.find(op.id);
  if (found == letters_.end() || !found->second.message) return {.error = errc::not_found};
  remove(found);
  ++replayed_;
  ++settled_;
  return {};
}

std::optional<dead_letter> dead_letters::find(std::uint64_t id) const {
  std::lock_guard guard{mutex_};
  const auto found = letters_.find(id);
  if (found == letters_.end()) return {};
  return found->second;
}

bool dead_letters::take_for_replay(std::uint64_t id) {
  std::lock_guard guard{mutex_};
  const auto found = letters_.find(id);
  if (found == letters_.end()) return false;
  remove(found);
  ++replayed_;
  return true;
}

outcome dead_letters::execute(const dead_purge& op) {
  std::lock_guard guard{mutex_};
  const auto before = purged_;
  for (auto i = letters_.begin(); i != letters_.end() && i->first <= op.upto;) {
    const auto& letter = i->second;
    i = (!op.user || letter.user == *op.user) && (!op.room || letter.room == *op.room) ? purge(i) : std::next(i);
  }
  return {.count = purged_ - before};
}

std::size_t dead_letters::expire(std::int64_t now_ms, std::size_t removals_max) {
  std::lock_guard guard{mutex_};
  std::size_t removed = 0;
  for (auto i = letters_.begin(); i != letters_.end() && removed < removals_max; ++removed) {
    if (i->second.died_ms > now_ms - age_ms_) break;
    i = purge(i);
  }
  return removed;
}

template <class Fits>
std::vector<dead_letter> dead_letters::select(std::uint64_t after, std::size_t count_max, Fits fits) const {
  std::lock_guard guard{mutex_};
  std::vector<dead_letter> out;
  for (auto i = letters_.upper_bound(after); i != letters_.end() && out.size() < count_max; ++i)
    if (fits(i->second)) out.push_back(i->second);
  return out;
}

std::vector<dead_letter> dead_letters::list(std::optional<std::string_view> user, std::uint64_t after,
                                            std::size_t count_max) const {
  return select(after, count_max, [&](const dead_letter& each) { return !user || each.user == *user; });
}

std::vector<dead_letter> dead_letters::list_room(std::string_view room, std::uint64_t after,
                                                 std::size_t count_max) const {
  return select(after, count_max, [&](const dead_letter& each) { return each.room == room; });
}

void dead_letters::count(statistics& into) const {
  std::lock_guard guard{mutex_};
  into.dead += letters_.size();
  into.dead_bytes += bytes_;
  into.dead_expired += expired_;
  into.dead_undeliverable += undeliverable_;
  into.dead_crashed += crashed_;
  into.accepted += crashed_;
  into.acknowledged += settled_;
  into.purged += purged_;
  into.replayed += replayed_;
}

}  // namespace greenroom::storage
