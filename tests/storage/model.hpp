/// MODEL is the simplest thing that keeps the contract of the store: plain maps and vectors, no bound of memory, no
/// care for speed. Random operations run against it and a backend; both must say the same.
///
/// What the contract leaves open (fresh epochs, the gaps between numbers of an inbox, ids of dead letters) the model
/// takes over from the backend's outcome after it checked what is promised of it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "storage/store.hpp"

namespace greenroom::storage::testing {

class model {
 public:
  /// Executes the operation as the contract says and answers what a backend must have answered.
  outcome execute(const operation& op, const outcome& said);
  /// A whole round of sweeps.
  void sweep(std::int64_t now_ms);

  struct log {
    position newest;
    retention keep;
    std::vector<record> records;
    bytes_ptr snapshot;
  };
  struct inbox {
    std::uint64_t last = 0;
    std::vector<inbox_message> messages;
  };
  struct letter {
    std::string user{};
    inbox_message message{};
    dead_reason reason{};
    std::int64_t died_ms = 0;
    std::string room{};  ///< of a room's letter, as what follows
    idempotency once{};
    identity kind = identity::authenticated;
  };
  struct known_id {
    idempotency once;
    outcome original;
  };

  std::map<std::string, log> logs;
  std::map<std::string, inbox> inboxes;
  std::vector<letter> dead;             // in the order of their deaths
  std::vector<std::uint64_t> dead_ids;  // the backend's names for them, set by the test
  std::map<std::string, stored_session> sessions;
  std::map<std::string, stored_secret> secrets;
  std::map<std::pair<std::string, std::string>, known_id> ids;
  std::set<std::string> epochs;  // every one that was ever seen
  std::uint64_t accepted = 0, acknowledged = 0, purged = 0;

 private:
  outcome run(const log_open& op, const outcome& said);
  outcome run(const append& op, const outcome& said);
  outcome run(const snapshot_put& op, const outcome& said);
  outcome run(const epoch_reset& op, const outcome& said);
  outcome run(const log_erase& op, const outcome& said);
  outcome run(const inbox_append& op, const outcome& said);
  outcome run(const inbox_ack& op, const outcome& said);
  outcome run(const inbox_expire& op, const outcome& said);
  outcome run(const inbox_attempt& op, const outcome& said);
  outcome run(const inbox_purge& op, const outcome& said);
  outcome run(const dead_replay& op, const outcome& said);
  outcome run(const dead_purge& op, const outcome& said);
  outcome run(const dead_put& op, const outcome& said);
  outcome run(const dead_settle& op, const outcome& said);
  outcome run(const secret_put& op, const outcome& said);
  outcome run(const secret_erase& op, const outcome& said);
  outcome run(const secret_rewrap& op, const outcome& said);
  outcome run(const session_put& op, const outcome& said);
  outcome run(const membership_put& op, const outcome& said);
  outcome run(const session_erase& op, const outcome& said);
  outcome run(const sessions_restart& op, const outcome& said);
  outcome run(const storage::sweep& op, const outcome& said);
  /// Of what it does not model, whatever was said.
  template <class Op>
  outcome run(const Op&, const outcome& said) {
    return said;
  }

  log& open(const std::string& name, const outcome& said);
  std::string fresh_epoch(const outcome& said);
  std::optional<outcome> known(const std::optional<idempotency>& once, std::int64_t now_ms) const;
  std::uint64_t queue(inbox& box, bytes_ptr body, std::int64_t at_ms, std::int64_t expires_ms, const outcome& said);
  std::uint64_t expire(const std::string& user, std::int64_t now_ms);
  bool fits(const std::string& user, const bytes_ptr& body, const inbox_bounds& bounds, std::int64_t now_ms);
  static void trim(log& of, std::int64_t now_ms);
  static std::uint64_t first_of(const log& of);
};

}  // namespace greenroom::storage::testing
