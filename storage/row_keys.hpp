/// ROW_KEYS are the data keys under which rows lie encrypted, as the store needs them: one for each encrypted log, one for
/// the dead letters of rooms, one that keys the hashes of idempotency records. They stand in the table of secrets,
/// wrapped by the vault, and are found there, made there by the writer, and kept in memory for a while.
///
/// A row is bound to what it is and where it stands: its log's name and number, its place, its time. So it opens there
/// and nowhere else. Numbers of logs are never used twice, so a key that is kept in memory is never another log's.
///
/// Threading: any, but `find_or_make`, `erase`, `committed` and `rolled_back` are the writer's, in its transaction.
/// Bounds: limits::data_keys_cached_max in memory.
/// Failure: a key that is missing (`locked`) is reported once for each KEK; nothing is lost by it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/cipher.hpp"

namespace greenroom::storage {

class connection;
class sqlite_damage;
class vault;

class row_keys {
 public:
  /// Null: whatever is encrypted is locked, and nothing new can be.
  row_keys(std::shared_ptr<const vault> from, sqlite_damage& damage) : vault_{std::move(from)}, damage_{damage} {}

  bool can_make() const noexcept { return vault_ != nullptr; }

  enum class state : std::uint8_t { there, absent, locked };
  struct found {
    state what = state::absent;
    key_ptr key{};  ///< null unless it is there
  };
  found find(connection& db, const std::string& name);
  found find_or_make(connection& db, const std::string& name);
  void erase(connection& db, const std::string& name);
  void committed();
  void rolled_back() noexcept;
  void forget();  ///< another database begins, with numbers of its own

  static std::string of_log(std::uint64_t log);
  static const std::string of_dead;
  static const std::string of_ids;

  /// The key that keys the hashes, where it is there: as long as nothing was encrypted, there is none.
  key_ptr hashes(connection& db) { return find(db, of_ids).key; }

 private:
  /// Two generations: what was not asked for while the younger one filled up is forgotten.
  class cache {
   public:
    key_ptr find(const std::string& name);
    void put(const std::string& name, key_ptr key);
    void erase(const std::string& name);

   private:
    std::unordered_map<std::string, key_ptr> young_, old_;
  };

  found read(connection& db, const std::string& name);
  void say_locked(const std::string& kek);

  const std::shared_ptr<const vault> vault_;
  sqlite_damage& damage_;
  std::mutex mutex_;
  cache cache_;
  std::set<std::string> said_;
  std::unordered_map<std::string, key_ptr> made_;  // by the writer, in the transaction that is open
};

/// What a row is sealed with beside its bytes.
std::string bound_to_message(std::string_view log, std::uint64_t id, std::uint64_t seq, std::int64_t at_ms);
std::string bound_to_snapshot(std::string_view log, std::uint64_t id);
std::string bound_to_letter(std::string_view room, std::uint64_t letter, std::int64_t at_ms);

/// A row's bytes as they lie encrypted: a version, and what `cipher` makes of them.
std::string seal_row(const secret_key& key, std::string_view bound, std::string_view body);
std::optional<std::string> open_row(const secret_key& key, std::string_view bound, std::string_view sealed);

}  // namespace greenroom::storage
