#include "runtime/outbox.hpp"

#include <algorithm>
#include <utility>

namespace greenroom::runtime {
namespace {

constexpr std::size_t first_reserve = 8;   // entries: what one turn of a lively connection queues without growing
constexpr std::size_t compact_after = 64;  // written entries at the front before the rest is moved down
constexpr std::size_t npos = static_cast<std::size_t>(-1);

/// Queues that have run empty, each with room for `first_reserve`: what an outbox takes when it has something to say again.
/// So an idle one owns no memory, and a message to a thousand members asks the allocator for nothing.
template <class Entry>
struct spare_queues {
  static constexpr std::size_t queues_max = 4'096;  // 1.8 MB a thread
  std::vector<std::vector<Entry>> kept;
  ~spare_queues() { gone = true; }
  static inline constinit thread_local bool gone = false;
};

template <class Entry>
spare_queues<Entry>* spares() {
  thread_local spare_queues<Entry> mine;
  return spare_queues<Entry>::gone ? nullptr : &mine;
}

std::size_t size_of(const frame& bytes) noexcept { return bytes ? bytes->size() : 0; }

/// Widens `all` so that it covers `one` as well.
void cover(std::optional<gap>& all, const gap& one) {
  if (!all) {
    all = one;
  } else {
    all->from = std::min(all->from, one.from);
    all->to = std::max(all->to, one.to);
  }
}

}  // namespace

outbox::outbox(outbox_bounds bounds, outbox_port& port, outbox_stats& stats) noexcept
    : bounds_{bounds}, port_{&port}, stats_{&stats} {}

// --- queueing ---

outbox::verdict outbox::push_reply(frame bytes) {
  if (closed_) return verdict::closed;
  const auto size = size_of(bytes);
  if (reply_bytes_ + size > bounds_.reply_bytes_max || reply_frames_ >= bounds_.reply_frames_max) {
    if (!std::exchange(overflowed_, true)) port_->on_dirty();  // also to a connection whose socket takes nothing
    return verdict::full;
  }
  reply_bytes_ += size;
  ++reply_frames_;
  return append({std::move(bytes), 0, 0, 0, 0, 0, kind::reply});
}

outbox::verdict outbox::push(delivery what) {
  if (closed_) return verdict::closed;
  if (!fits(size_of(what.bytes))) return verdict::full;
  return append({std::move(what.bytes), what.room, what.event, what.first, what.last, what.messages, kind::room});
}

outbox::latest_verdict outbox::push_latest(delivery what) {
  if (closed_) return {verdict::closed, std::nullopt, 0};
  const auto before = stats_->dropped_latest;
  std::optional<gap> dropped;
  while (!fits(size_of(what.bytes))) {
    const auto victim = oldest_of(what.room, what.event);
    if (victim == npos) {
      const gap itself{what.room, what.first, what.last};
      cover(dropped, itself);
      stats_->dropped_latest += what.messages;
      append_gap(itself);
      return {verdict::full, dropped, stats_->dropped_latest - before};
    }
    cover(dropped, {what.room, queue_[victim].first, queue_[victim].last});
    drop_into_gap(victim);
  }
  push(std::move(what));
  return {verdict::queued, dropped, stats_->dropped_latest - before};
}

outbox::verdict outbox::append(entry what) {
  if (queue_.capacity() == 0) {
    if (auto* spare = spares<entry>(); spare && !spare->kept.empty()) {
      queue_.swap(spare->kept.back());
      spare->kept.pop_back();
    } else {
      queue_.reserve(first_reserve);
    }
  }
  bytes_ += size_of(what.bytes);
  queue_.push_back(std::move(what));
  high_ = high_ || !below_half();
  wake();
  return verdict::queued;
}

bool outbox::fits(std::size_t size) const noexcept {
  return bytes_ + size <= bounds_.bytes_max && frames() < bounds_.frames_max;
}

void outbox::wake() {
  if (!std::exchange(dirty_, true)) port_->on_dirty();
}

// --- what goes in front, and what comes last ---

void outbox::push_ping(frame bytes) { push_control(kind::ping, std::move(bytes)); }

void outbox::push_pong(frame bytes) { push_control(kind::pong, std::move(bytes)); }

void outbox::push_control(kind what, frame bytes) {
  if (closed_) return;
  bytes_ += size_of(bytes);
  auto place = first_movable();
  for (; place != queue_.size() && (queue_[place].what == kind::ping || queue_[place].what == kind::pong); ++place) {
    if (queue_[place].what != what) continue;
    bytes_ -= size_of(queue_[place].bytes);
    queue_[place].bytes = std::move(bytes);
    return;
  }
  queue_.insert(queue_.begin() + static_cast<std::ptrdiff_t>(place), entry{std::move(bytes), 0, 0, 0, 0, 0, what});
  wake();
}

void outbox::finish(frame close) {
  if (!closed_) end_with(std::move(close));
}

void outbox::cut(frame close) {
  if (closed_) return;
  drop_from(first_movable());
  end_with(std::move(close));
}

void outbox::end_with(frame close) {
  append({std::move(close), 0, 0, 0, 0, 0, kind::close});
  closed_ = true;
}

void outbox::clear() {
  closed_ = true;
  drop_from(next_);
  release();
}

std::string outbox::take_unsent() {
  std::string bytes;
  bytes.reserve(bytes_);
  for (auto i = next_; i != queue_.size(); ++i) bytes.append(*queue_[i].bytes, i == next_ ? written_ : 0);
  clear();
  return bytes;
}

// --- the policies: what gives way ---

std::size_t outbox::oldest_of(room_key room, event_key event) const noexcept {
  auto of_room = npos;
  for (auto i = first_movable(); i != queue_.size(); ++i) {
    const auto& e = queue_[i];
    if (e.what != kind::room || e.room != room) continue;
    if (e.event == event) return i;
    if (of_room == npos) of_room = i;
  }
  return of_room;
}

void outbox::drop_into_gap(std::size_t which) {
  auto& e = queue_[which];
  stats_->dropped_latest += e.messages;
  bytes_ -= size_of(e.bytes);
  e.bytes.reset();
  e.messages = 0;
  e.what = kind::gap;
  ++gaps_;
  merge_gap(which);
}

void outbox::append_gap(const gap& lost) {
  queue_.push_back({nullptr, lost.room, 0, lost.from, lost.to, 0, kind::gap});
  ++gaps_;
  merge_gap(queue_.size() - 1);
  wake();
}

/// Gaps of one room with none of its frames between them become one: the member reads one notice.
void outbox::merge_gap(std::size_t which) {
  const auto room = queue_[which].room;
  const auto join = [&](std::size_t into, std::size_t from) {
    if (queue_[into].what != kind::gap || queue_[from].what != kind::gap) return;
    queue_[into].last = std::max(queue_[into].last, queue_[from].last);
    queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(from));
    --gaps_;
  };
  auto next = which + 1;
  while (next != queue_.size() && queue_[next].room != room) ++next;
  if (next != queue_.size()) join(which, next);
  for (auto before = which; before-- > first_movable();) {
    if (queue_[before].room != room) continue;
    join(before, which);
    return;
  }
}

outbox::removed outbox::remove_room(room_key room) {
  removed gone;
  auto kept = queue_.begin() + static_cast<std::ptrdiff_t>(first_movable());
  for (auto i = kept; i != queue_.end(); ++i) {
    if (i->room != room || (i->what != kind::room && i->what != kind::gap)) {
      if (kept != i) *kept = std::move(*i);
      ++kept;
      continue;
    }
    if (gone.first == 0 || i->first < gone.first) gone.first = i->first;
    if (i->what == kind::room) ++gone.frames;
    stats_->dropped_removed += i->messages;
    forget(*i);
  }
  queue_.erase(kept, queue_.end());
  release();
  if (high_ && below_half()) wake();  // the connection tells that it drained, though it may have nothing to write
  return gone;
}

// --- writing ---

std::size_t outbox::gather(std::span<iovec> into) {
  dirty_ = false;
  write_gaps(into.size());
  const auto count = std::min(into.size(), queue_.size() - next_);
  for (std::size_t i = 0; i != count; ++i) {
    const auto skip = i == 0 ? written_ : 0;
    const auto& text = *queue_[next_ + i].bytes;
    into[i] = {const_cast<char*>(text.data()) + skip, text.size() - skip};
  }
  return count;
}

/// Turns the gaps among the next `count` entries into the notices that say so: from here on they are frames of their
/// room.
void outbox::write_gaps(std::size_t count) {
  for (auto i = next_; gaps_ != 0 && i != std::min(next_ + count, queue_.size());) {
    auto& e = queue_[i];
    if (e.what != kind::gap) {
      ++i;
      continue;
    }
    --gaps_;
    e.what = kind::room;
    e.bytes = port_->on_gap({e.room, e.first, e.last});
    bytes_ += size_of(e.bytes);
    if (!e.bytes) queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void outbox::consume(std::size_t bytes) {
  stats_->bytes += bytes;
  while (next_ != queue_.size() && queue_[next_].what != kind::gap) {
    auto& e = queue_[next_];
    const auto rest = size_of(e.bytes) - written_;
    const auto moved = std::min(bytes, rest);
    bytes_ -= moved;
    bytes -= moved;
    written_ += moved;
    if (moved != rest) break;
    ++stats_->frames;
    stats_->messages += e.messages;
    forget(e);
    e.bytes.reset();
    ++next_;
    written_ = 0;
  }
  release();
}

bool outbox::take_drained() noexcept {
  if (closed_ || !high_ || !below_half()) return false;
  high_ = false;
  return true;
}

/// Takes an entry out of the sums; written bytes of the first one are out of them already.
void outbox::forget(const entry& what) noexcept {
  const auto size = size_of(what.bytes);
  bytes_ -= size - (&what == &queue_[next_] ? written_ : 0);
  if (what.what == kind::gap) --gaps_;
  if (what.what != kind::reply) return;
  reply_bytes_ -= size;
  --reply_frames_;
}

void outbox::drop_from(std::size_t first) {
  for (auto i = first; i != queue_.size(); ++i) {
    stats_->dropped_closed += queue_[i].messages;
    forget(queue_[i]);
  }
  queue_.resize(first);
}

void outbox::release() {
  if (next_ == queue_.size()) {
    std::vector<entry> empty;
    empty.swap(queue_);
    next_ = written_ = 0;
    auto* spare = spares<entry>();
    if (empty.capacity() != first_reserve || !spare || spare->kept.size() == spare->queues_max) return;
    empty.clear();
    spare->kept.push_back(std::move(empty));
  } else if (next_ >= compact_after && next_ >= queue_.size() / 2) {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(next_));
    next_ = 0;
  }
}

}  // namespace greenroom::runtime
