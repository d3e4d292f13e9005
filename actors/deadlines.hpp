/// DEADLINES are things that are owed until a time: kept by key, and taken out once, by whoever comes first, the answer,
/// the time or the end. `alarm` is the one timer that an actor needs for all of them.
///
///   waiting.add(number, self->now() + limit, runtime::promise<ask>{self});   alarm.set(waiting.next());
///   [this](const look&) { if (bell.rings()) while (auto late = waiting.take_due(self->now())) …; bell.set(waiting.next()); }
///
/// Threading: one thread. Bounds: its owner's, by size().
#pragma once
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "codecs/message_memory.hpp"
#include "runtime/actor_base.hpp"

namespace greenroom {

using deadline = std::chrono::steady_clock::time_point;

template <class Key, class T>
class deadline_map {
 public:
  std::size_t size() const noexcept { return all_.size(); }
  bool empty() const noexcept { return all_.empty(); }

  /// False where the key is there already.
  bool add(const Key& key, deadline due, T what) {
    const auto before = all_.size();
    all_.try_emplace(all_.end(), key, due, std::move(what));  // keys mostly grow, and so do times
    if (all_.size() == before) return false;
    by_time_.emplace_hint(by_time_.end(), due, key);
    return true;
  }
  T* find(const Key& key) {
    auto found = all_.find(key);
    return found == all_.end() ? nullptr : &found->second.second;
  }
  std::optional<T> take(const Key& key) {
    auto found = all_.find(key);
    if (found == all_.end()) return std::nullopt;
    by_time_.erase({found->second.first, key});
    std::optional<T> taken{std::move(found->second.second)};
    all_.erase(found);
    return taken;
  }
  /// One whose time has come, the oldest deadline first.
  std::optional<T> take_due(deadline now) {
    if (by_time_.empty() || by_time_.begin()->first > now) return std::nullopt;
    return take(Key{by_time_.begin()->second});
  }
  /// One after the other, in the order of their keys.
  std::optional<T> take_first() { return all_.empty() ? std::nullopt : take(Key{all_.begin()->first}); }
  /// Looks at every one.
  template <class Pred>
  std::vector<Key> keys_where(Pred wanted) const {
    std::vector<Key> keys;
    for (const auto& [key, one] : all_)
      if (wanted(one.second)) keys.push_back(key);
    return keys;
  }
  std::optional<deadline> next() const {
    return by_time_.empty() ? std::nullopt : std::optional{by_time_.begin()->first};
  }

 private:
  template <class Value>
  using memory = codecs::recycled<Value>;

  std::map<Key, std::pair<deadline, T>, std::less<Key>, memory<std::pair<const Key, std::pair<deadline, T>>>> all_;
  std::set<std::pair<deadline, Key>, std::less<std::pair<deadline, Key>>, memory<std::pair<deadline, Key>>> by_time_;
};

/// Sends its actor one `Tick` at the earliest deadline. A tick that was overtaken by an earlier one still comes and does
/// not ring.
template <class Tick>
class alarm {
 public:
  explicit alarm(runtime::actor_base* self) : self_{self} {}

  void set(std::optional<deadline> due) {
    if (!due || (armed_ && *armed_ <= *due)) return;
    armed_ = due;
    const auto now = self_->now();
    self_->later(*due > now ? *due - now : caf::timespan{0}, Tick{});
  }
  /// In the handler of a Tick: whether it is the one that was set.
  bool rings() {
    if (!armed_ || self_->now() < *armed_) return false;
    armed_.reset();
    return true;
  }

 private:
  runtime::actor_base* self_;
  std::optional<deadline> armed_;
};

}  // namespace greenroom
