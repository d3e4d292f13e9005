#include "storage/operation.hpp"

#include <algorithm>
#include <stdexcept>

namespace greenroom::storage {
namespace {

bool is_name(const std::string& text) { return text.size() <= limits::name_bytes_max; }

bool is_body(const bytes_ptr& body) {
  if (!body) throw std::invalid_argument{"storage: a message without a body"};
  return body->size() <= limits::body_bytes_max;
}

bool is_snapshot(const bytes_ptr& bytes) { return !bytes || bytes->size() <= limits::snapshot_bytes_max; }

bool is_once(const std::optional<idempotency>& once) {
  return !once || (is_name(once->sender) && once->id.size() <= limits::id_bytes_max);
}

bool is_membership(const stored_membership& member) {
  return is_name(member.room) && is_name(member.seen.epoch) && member.presence.size() <= limits::presence_bytes_max;
}

bool is_secret_name(const std::string& text) { return !text.empty() && text.size() <= limits::secret_name_bytes_max; }

bool is_wrapped(const std::string& bytes) { return bytes.size() <= limits::secret_overhead_bytes; }
bool is_key(const stored_key& key) {
  if (!is_name(key.id) || !is_name(key.user)) return false;
  std::size_t bytes = key.note.size();
  const auto add = [&bytes](const std::vector<std::string>& texts) {
    for (const auto& each : texts) bytes += each.size() + limits::api_key_text_overhead_bytes;
  };
  add(key.scopes);
  for (const auto& each : key.grants)
    for (const auto* list : {&each.rooms, &each.actions, &each.methods, &each.users}) add(*list);
  return bytes <= limits::api_key_bytes_max;
}

struct fits {
  bool operator()(const log_open& op) const { return is_name(op.log); }
  bool operator()(const append& op) const {
    return is_name(op.log) && is_body(op.body) && is_once(op.once) && is_snapshot(op.snapshot);
  }
  bool operator()(const snapshot_put& op) const { return is_name(op.log) && is_snapshot(op.snapshot); }
  bool operator()(const epoch_reset& op) const { return is_name(op.log); }
  bool operator()(const log_erase& op) const { return is_name(op.log); }
  bool operator()(const inbox_append& op) const { return is_name(op.user) && is_body(op.body) && is_once(op.once); }
  bool operator()(const inbox_ack& op) const { return is_name(op.user); }
  bool operator()(const inbox_expire& op) const { return is_name(op.user); }
  bool operator()(const inbox_attempt& op) const { return is_name(op.user); }
  bool operator()(const inbox_purge& op) const { return is_name(op.user); }
  bool operator()(const dead_replay&) const { return true; }
  bool operator()(const dead_purge& op) const {
    return (!op.user || is_name(*op.user)) && (!op.room || is_name(*op.room));
  }
  bool operator()(const dead_put& op) const { return is_name(op.room) && is_body(op.body) && is_once(op.once); }
  bool operator()(const dead_settle&) const { return true; }
  bool operator()(const secret_put& op) const {
    const auto& s = op.secret;
    return !s.reserved() && is_secret_name(s.name) && is_name(s.kek) && is_wrapped(s.wrapped) &&
           s.sealed.size() <= limits::secret_bytes_max + limits::secret_overhead_bytes;
  }
  bool operator()(const secret_erase& op) const { return is_name(op.name); }
  bool operator()(const secret_rewrap& op) const {
    return is_name(op.name) && is_name(op.kek) && is_wrapped(op.wrapped) && is_wrapped(op.was);
  }
  bool operator()(const session_put& op) const {
    const auto& s = op.session;
    if (!is_name(s.id) || !is_name(s.user) || s.rooms.size() > limits::session_rooms_max) return false;
    return std::all_of(s.rooms.begin(), s.rooms.end(), is_membership);
  }
  bool operator()(const membership_put& op) const { return is_name(op.session) && is_membership(op.member); }
  bool operator()(const session_erase& op) const { return is_name(op.id); }
  bool operator()(const sessions_restart&) const { return true; }
  bool operator()(const sweep&) const { return true; }
  bool operator()(const api_key_put& op) const { return is_key(op.key); }
  bool operator()(const api_key_used& op) const { return is_name(op.id); }
  bool operator()(const api_key_erase& op) const { return is_name(op.id); }
  bool operator()(const revocation_put& op) const { return is_name(op.what.name) && is_name(op.what.note); }
  bool operator()(const revocation_erase& op) const { return is_name(op.name); }
};

}  // namespace

errc check(const operation& op) { return std::visit(fits{}, op) ? errc::success : errc::too_large; }

}  // namespace greenroom::storage
