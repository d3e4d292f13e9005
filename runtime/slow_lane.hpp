/// SLOW_LANE is where those sockets of a shard stand before they are read that are new, or had much to say when they were read
/// last: four of them are read in a turn of the loop, in the order in which they came. All others are read at once, so that
/// neither a flood nor a crowd at the door is before them. READ_CONDUCT knows of one socket whether it belongs there, and
/// how much of it is read at once.
///
///   new ──a read──▶ little ──a read fills its block, or is to be paid by a rest──▶ much ──a read that does neither──▶ little
///   a block: 4 KiB at first and after a rest; twice as much after each full one, up to 16 KiB
///
/// Lifecycle: a place that dies gives up what it has; a lane that dies forgets who stands there. Threading: its shard's.
/// Pure but for the turn's end. Bounds: one place a socket, limits::slow_reads_a_turn. Failure: none of its own.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/limits.hpp"
#include "runtime/link.hpp"
#include "runtime/shard.hpp"

namespace greenroom::runtime {

/// What one socket's reads have brought lately.
class read_conduct {
 public:
  /// How many bytes are read at once.
  std::size_t block() const noexcept { return block_; }
  bool stands_back() const noexcept { return much_ || new_reads_ != 0; }

  /// A read of `block()` bytes brought so many.
  void came(std::size_t bytes) noexcept {
    if (new_reads_ != 0) --new_reads_;
    much_ = bytes >= block_;
    if (much_) block_ = static_cast<std::uint16_t>(std::min<std::size_t>(2UL * block_, limits::read_block_max));
  }
  /// What came is more than it may bring: it is not read for a while.
  void rests() noexcept {
    much_ = true;
    block_ = limits::read_block_first;
  }

 private:
  std::uint16_t block_ = limits::read_block_first;
  std::uint8_t new_reads_ = limits::new_reads;
  bool much_ = false;
};

class slow_lane final : private turn_hook {
 public:
  /// One socket's, while it stands there.
  class place : private runtime::link {
   public:
    place() = default;
    place(const place&) = delete;
    place& operator=(const place&) = delete;

   protected:
    ~place() = default;

   private:
    friend class slow_lane;
    friend class runtime::link_list<place>;
    virtual void on_turn() = 0;
  };

  /// Whether one may be read at once: nobody stands here, and this turn had few reads of this kind yet.
  bool passes(const shard& home) noexcept {
    const auto turn = home.counters().turns.get();
    if (turn != turn_) begin(turn, limits::slow_reads_a_turn);
    if (!standing_.empty() || left_ == 0) return false;
    --left_;
    return true;
  }
  /// `home` is always the same one.
  void stand(shard& home, place& who) noexcept {
    stood_.fetch_add(1, std::memory_order_relaxed);
    standing_.append(who);
    home_ = &home;
    home.at_turn_end(*this);
  }
  /// How often somebody stood in one of all lanes. Any thread.
  static std::uint64_t stood() noexcept { return stood_.load(std::memory_order_relaxed); }

 private:
  void on_turn_end() override {
    auto left = limits::slow_reads_a_turn;
    for (; left != 0 && !standing_.empty(); --left) standing_.pop_front().on_turn();
    begin(home_->counters().turns.get() + 1, left);  // they are read in the next one
    if (!standing_.empty()) home_->at_turn_end(*this);
  }
  void begin(std::uint64_t turn, std::size_t reads) noexcept {
    turn_ = turn;
    left_ = reads;
  }

  static inline std::atomic<std::uint64_t> stood_{0};
  runtime::link_list<place> standing_;
  shard* home_ = nullptr;
  std::uint64_t turn_ = 0;  ///< in which `left_` more may be read
  std::size_t left_ = limits::slow_reads_a_turn;
};

}  // namespace greenroom::runtime
