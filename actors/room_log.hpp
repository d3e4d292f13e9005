/// ROOM_LOG is where a room keeps its messages: in memory, where everything is done before a call returns, or on disk,
/// by way of the writer and the readers. The room is written once for both: what it waits for calls it back.
///
/// On disk no position is known here before its COMMIT. What one turn appends leaves as one request (`flush`). Where a
/// batch fails, every append that waits fails too, and the room must open the log again before the next.
///
/// Lifecycle: a member of the room's State; callbacks run on the room, and not any more when its life is over.
/// Bounds: `waiting()` is the room's to look at: limits::uncommitted_messages_max.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/context.hpp"
#include "actors/ids.hpp"
#include "actors/room_policy.hpp"
#include "runtime/actor_base.hpp"
#include "storage/at_rest.hpp"
#include "storage/store.hpp"

namespace greenroom {

struct membership;

/// How what a room stores lies on the disk, as the config of its namespace says.
storage::at_rest rest_of(const context& ctx, const room_policy& policy);

class room_log {
 public:
  struct events {
    std::function<void()> settled;  ///< a batch's callbacks have run
    std::function<void()> failed;   ///< … and some appends of it were not stored: open the log again
  };
  room_log(runtime::actor_base* self, context& ctx, std::string name, const room_policy& policy, events on);

  bool on_disk() const noexcept { return on_disk_; }
  const std::string& epoch() const noexcept { return epoch_; }
  std::uint64_t newest() const noexcept { return newest_; }  ///< committed, and told to the room
  std::uint64_t oldest() const;                              ///< that is kept; `newest() + 1`: none

  /// Makes it, or reads its head: what was appended before has been committed then, or never will be.
  void open(std::function<void(storage::errc)> then);
  /// In memory. What became of the message.
  storage::outcome append_now(storage::append&& what);
  /// On disk. `then` takes what became of it, when the batch of this turn is committed.
  void append(storage::append what, std::function<void(storage::outcome&)> then);
  /// The turn is over: what it appended leaves for the writer.
  void flush();
  std::size_t gathered() const noexcept { return gathered_.size(); }
  std::size_t waiting() const noexcept { return gathered_.size() + leaving_.size(); }
  /// Whether a message of that sender's id waits for its commit.
  bool waits(const storage::idempotency& once) const;

  using then_page = std::function<void(const storage::log_page&)>;
  void read(std::uint64_t after, std::size_t count_max, std::size_t bytes_max, then_page then) const;
  void read_before(std::uint64_t before, std::size_t count_max, std::size_t bytes_max, then_page then) const;
  /// What a message under this id would get; none where it is new.
  void recall(const storage::idempotency& once, std::function<void(bool known)> then) const;

  void snapshot(std::function<void(const storage::bytes_ptr&)> then) const;  ///< of its behaviour; null: none
  void keep_snapshot(storage::bytes_ptr state);                              ///< a failure is logged
  /// The stored session has that membership, from that position on, before anybody is told of it. At once where the
  /// room is in memory: its sessions write theirs behind.
  void keep_member(const membership& who, std::uint64_t position, std::function<void(storage::errc)> then);

 private:
  struct pending {
    std::optional<storage::idempotency> once;
    std::function<void(storage::outcome&)> then;
  };
  storage::store& store() const noexcept { return on_disk_ ? ctx_.disk : ctx_.memory; }
  void take(const storage::outcome& what);
  void settle(std::vector<storage::outcome>& all);
  void fail_gathered();

  runtime::actor_base* self_;
  context& ctx_;
  const std::string name_;
  const room_policy& policy_;
  const bool on_disk_;
  const storage::at_rest rest_;
  events on_;
  std::string epoch_;
  std::uint64_t newest_ = 0, oldest_ = 1;
  bool failed_ = false;  ///< a message was not stored: none behind it is, until the log is opened again
  std::vector<storage::operation> gathered_ops_;  ///< of this turn, …
  std::vector<pending> gathered_;                 ///< … and who waits for them
  std::deque<pending> leaving_;                   ///< the writer has them, in this order
};

}  // namespace greenroom
