#include "storage/memory_inbox.hpp"

#include <algorithm>

namespace greenroom::storage {

bool memory_inbox::fits(std::uint64_t body_bytes, const inbox_bounds& bounds) const noexcept {
  return size() < bounds.messages && bytes_ + body_bytes <= bounds.bytes;
}

std::uint64_t memory_inbox::append(bytes_ptr body, std::int64_t at_ms, std::int64_t expires_ms) {
  if (!messages_) messages_ = std::make_unique<std::deque<inbox_message>>();
  messages_->push_back({last_ + 1, at_ms, expires_ms, 0, std::move(body)});
  bytes_ += messages_->back().body->size();
  next_expiry_ms_ = std::min(next_expiry_ms_, expires_ms);
  return ++last_;
}

const inbox_message* memory_inbox::attempt() {
  if (!messages_) return nullptr;
  ++messages_->front().attempts;
  return &messages_->front();
}

std::optional<inbox_message> memory_inbox::take_oldest_upto(std::uint64_t upto) {
  if (!messages_ || messages_->front().n > upto) return {};
  auto taken = std::move(messages_->front());
  bytes_ -= taken.body->size();
  messages_->pop_front();
  if (messages_->empty()) {
    messages_.reset();
    next_expiry_ms_ = never;
  }
  return taken;
}

std::vector<inbox_message> memory_inbox::take_expired(std::int64_t now_ms, std::size_t removals_max) {
  std::vector<inbox_message> taken;
  if (!may_have_expired(now_ms)) return taken;
  next_expiry_ms_ = never;
  std::deque<inbox_message> kept;
  for (auto& message : *messages_) {
    if (message.expires_ms <= now_ms && taken.size() < removals_max) {
      bytes_ -= message.body->size();
      taken.push_back(std::move(message));
    } else {
      next_expiry_ms_ = std::min(next_expiry_ms_, message.expires_ms);
      kept.push_back(std::move(message));
    }
  }
  if (kept.empty())
    messages_.reset();
  else
    *messages_ = std::move(kept);
  return taken;
}

inbox_state memory_inbox::state() const {
  return {.count = size(), .bytes = bytes_, .first = messages_ ? messages_->front().n : 0, .last = last_};
}

inbox_page memory_inbox::read(std::uint64_t after, std::size_t count_max, std::size_t bytes_max,
                              std::int64_t now_ms) const {
  inbox_page page{.state = state()};
  if (!messages_) return page;
  const auto by_n = [](std::uint64_t n, const inbox_message& m) { return n < m.n; };
  std::size_t bytes = 0;
  for (auto i = std::upper_bound(messages_->begin(), messages_->end(), after, by_n); i != messages_->end(); ++i) {
    if (i->expires_ms <= now_ms) {
      ++page.expired;
      continue;
    }
    if (page.messages.size() >= count_max || (!page.messages.empty() && bytes + i->body->size() > bytes_max)) break;
    bytes += i->body->size();
    page.messages.push_back(*i);
  }
  return page;
}

}  // namespace greenroom::storage
