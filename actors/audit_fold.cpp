#include "actors/audit_fold.hpp"

#include <limits>

namespace greenroom {
namespace {

constexpr std::string_view others = "other addresses";

std::string key_of(const audit_entry& what, std::string_view host, std::string_view reason) {
  return std::string{what.action}.append(1, '\0').append(host).append(1, '\0').append(reason);
}

}  // namespace

std::string_view host_of(std::string_view peer) noexcept {
  const auto colon = peer.rfind(':');
  if (colon == std::string_view::npos || (peer.front() != '[' && peer.find(':') != colon)) return peer;
  return peer.substr(0, colon);
}

bool audit_fold::passes(const audit_entry& what, std::int64_t now_ms) {
  std::string host{host_of(what.peer)}, reason{what.reason};
  auto key = key_of(what, host, reason);
  auto found = open_.find(key);
  if (found == open_.end() && open_.size() >= limits::audit_folds_max) {
    host = others;
    reason.clear();
    key = key_of(what, host, reason);
    found = open_.find(key);
  }
  if (found == open_.end()) {
    window fresh{.like = {.what = what.what, .decision = what.decision, .action = what.action}, .began_ms = now_ms};
    fresh.like.peer = std::move(host);
    fresh.like.reason = std::move(reason);
    fresh.like.code = what.code;
    found = open_.emplace(key, std::move(fresh)).first;
    order_.push_back(std::move(key));
  }
  if (found->second.lines < limits::audit_fold_lines) return ++found->second.lines, true;
  ++found->second.folded;
  return false;
}

std::vector<audit_fold::folded> audit_fold::over(std::int64_t now_ms) {
  std::vector<folded> all;
  while (!order_.empty()) {
    const auto found = open_.find(order_.front());
    if (found->second.began_ms + limits::audit_fold_window.count() > now_ms) break;
    if (found->second.folded != 0)
      all.push_back({std::move(found->second.like), found->second.began_ms, found->second.folded});
    open_.erase(found);
    order_.pop_front();
  }
  return all;
}

std::vector<audit_fold::folded> audit_fold::rest() { return over(std::numeric_limits<std::int64_t>::max()); }

std::optional<std::int64_t> audit_fold::next_ms() const {
  if (order_.empty()) return std::nullopt;
  return open_.find(order_.front())->second.began_ms + limits::audit_fold_window.count();
}

}  // namespace greenroom
