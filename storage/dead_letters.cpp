#include "storage/dead_letters.hpp"

namespace greenroom::storage {

std::uint64_t dead_letters::cost(const dead_letter& letter) noexcept {
  return limits::message_overhead_bytes + letter.user.size() + letter.body->size();
}

dead_letters::letters::iterator dead_letters::remove(letters::iterator one) {
  bytes_ -= cost(one->second);
  return letters_.erase(one);
}

dead_letters::letters::iterator dead_letters::purge(letters::iterator one) {
  ++purged_;
  return remove(one);
}

void dead_letters::bury(std::string_view user, inbox_message message, dead_reason reason, std::int64_t now_ms) {
  std::lock_guard guard{mutex_};
  const auto id = ++last_id_;
  const auto& added = letters_
                          .emplace(id, dead_letter{.id = id,
                                                   .user = std::string{user},
                                                   .n = message.n,
                                                   .at_ms = message.at_ms,
                                                   .died_ms = now_ms,
                                                   .reason = reason,
                                                   .attempts = message.attempts,
                                                   .body = std::move(message.body)})
                          .first->second;
  bytes_ += cost(added);
  ++(reason == dead_reason::expired ? expired_ : undeliverable_);
  while (bytes_ > bytes_max_ && !letters_.empty()) purge(letters_.begin());
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

std::size_t dead_letters::purge(std::uint64_t upto, const std::optional<std::string>& user) {
  std::lock_guard guard{mutex_};
  const auto before = purged_;
  for (auto i = letters_.begin(); i != letters_.end() && i->first <= upto;)
    i = !user || i->second.user == *user ? purge(i) : std::next(i);
  return purged_ - before;
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

std::vector<dead_letter> dead_letters::list(std::optional<std::string_view> user, std::uint64_t after,
                                            std::size_t count_max) const {
  std::lock_guard guard{mutex_};
  std::vector<dead_letter> out;
  for (auto i = letters_.upper_bound(after); i != letters_.end() && out.size() < count_max; ++i)
    if (!user || i->second.user == *user) out.push_back(i->second);
  return out;
}

void dead_letters::count(statistics& into) const {
  std::lock_guard guard{mutex_};
  into.dead += letters_.size();
  into.dead_bytes += bytes_;
  into.dead_expired += expired_;
  into.dead_undeliverable += undeliverable_;
  into.purged += purged_;
  into.replayed += replayed_;
}

}  // namespace greenroom::storage
