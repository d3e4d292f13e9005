/// The one connection that writes, and what it knows: sums, logs, inboxes, dead letters, ids, secrets, sessions. It is made by
/// opening the database, and thrown away when the disk has failed under it.
///
/// Threading: one thread at a time. Failure: sqlite_error ends the batch; `roll_back` makes it as it was.
#pragma once

#include <memory>
#include <span>

#include "storage/sqlite_access.hpp"
#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_dead.hpp"
#include "storage/sqlite_ids.hpp"
#include "storage/sqlite_inboxes.hpp"
#include "storage/sqlite_logs.hpp"
#include "storage/sqlite_secrets.hpp"
#include "storage/sqlite_sessions.hpp"
#include "storage/sqlite_store.hpp"

namespace greenroom::storage {

class sqlite_writer {
 public:
  /// Over a connection whose database has today's schema.
  sqlite_writer(std::unique_ptr<connection> db, const sqlite_options& options, sqlite_damage& damage, row_keys& keys);

  /// Executes what `out` does not refuse yet, in a transaction of its own, up to the point where only COMMIT is left.
  void execute(std::span<const operation> batch, std::span<outcome> out);
  void commit();
  /// What was restored begins anew: other epochs, higher numbers, no sessions.
  void renew();
  bool roll_back() noexcept;  ///< false: even that did not work

  connection& db() noexcept { return *db_; }
  const sqlite_sums& sums() const noexcept { return sums_; }  ///< of the last commit, once that has returned

 private:
  template <class Op>
  outcome run(const Op& op);
  outcome run_sweep(const sweep& op);
  void flush();

  std::unique_ptr<connection> db_;
  sqlite_damage& damage_;
  row_keys& keys_;
  sqlite_sums sums_;
  sqlite_sums committed_;
  sqlite_ids ids_;
  sqlite_logs logs_;
  sqlite_dead dead_;
  sqlite_inboxes inboxes_;
  sqlite_secrets secrets_;
  sqlite_sessions sessions_;
  sqlite_access access_;
  std::size_t next_part_ = 0;
};

}  // namespace greenroom::storage
