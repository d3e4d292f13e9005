/// The API keys and revocations of a database. Both are few: whoever decides with them reads them all when it starts.
///
/// Threading: an object belongs to the writer; the static functions read through any connection.
/// Bounds: limits::api_keys_max, limits::revocations_max: over them `unavailable`.
/// Failure: sqlite_error ends the batch. A damaged key counts as absent: it opens nothing. A damaged revocation holds for
///   everything that it may have been about, and for ever.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/operation.hpp"

namespace greenroom::storage {

class connection;
class query;
class sqlite_damage;

class sqlite_access {
 public:
  explicit sqlite_access(connection& db) : db_{db} {}

  outcome execute(const api_key_put& op);
  outcome execute(const api_key_used& op);
  outcome execute(const api_key_erase& op);
  outcome execute(const revocation_put& op);
  outcome execute(const revocation_erase& op);
  void forget() noexcept;  ///< what was rolled back

  static std::vector<stored_key> keys(connection& db, sqlite_damage& damage, std::string_view after,
                                      std::size_t count_max);
  static std::vector<stored_revocation> revocations(connection& db, sqlite_damage& damage, revoked kind,
                                                    std::string_view after, std::size_t count_max);

 private:
  std::uint64_t& count(std::optional<std::uint64_t>& of, const char* table);

  connection& db_;
  std::optional<std::uint64_t> keys_, revocations_;  ///< how many there are; none: not counted yet
};

}  // namespace greenroom::storage
