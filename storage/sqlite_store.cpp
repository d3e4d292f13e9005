#include "storage/sqlite_store.hpp"

#include <sqlite3.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <mutex>

#include "storage/planted.hpp"
#include "storage/sqlite_damage.hpp"
#include "storage/sqlite_database.hpp"
#include "storage/sqlite_file.hpp"
#include "storage/sqlite_readers.hpp"
#include "storage/sqlite_writer.hpp"

namespace greenroom::storage {
namespace {

constexpr std::uint64_t page_bytes = 4096;
constexpr std::uint64_t frame_bytes = page_bytes + 24;
constexpr int checkpoint_waits_ms = 20;  // for readers, where the WAL is over its bound

using clock = std::chrono::steady_clock;

/// For a planted bug: one COMMIT in 50 ms.
[[maybe_unused]] bool is_due(clock::time_point now) {
  static clock::time_point last;
  if (now - last < std::chrono::milliseconds{50}) return false;
  last = now;
  return true;
}

std::uint64_t ns_since(clock::time_point began) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds{clock::now() - began}.count());
}

class sqlite_store_impl final : public sqlite_store {
 public:
  explicit sqlite_store_impl(sqlite_options o)
      : options_{std::move(o)},
        damage_{options_.report},
        keys_{options_.keys, damage_},
        lock_{options_.path},
        readers_{[this] { return open_reader(options_); }, std::max<std::size_t>(1, options_.readers)} {
    open();
  }

  ~sqlite_store_impl() override {
    readers_.close();  // the writer closes last: it moves the WAL over
    if (writer_ && condition_ == storage::condition::broken) writer_->db().abandon();
  }

  durability level() const noexcept override { return durability::durable; }
  storage::condition condition() const noexcept override { return condition_; }
  std::uint32_t generation() const noexcept override { return generation_; }

  void upkeep() override {
    std::lock_guard guard{mutex_};
    if (condition_ == storage::condition::broken || (planted("ack_before_commit") && writer_->db().in_transaction()))
      return;
    const auto pages = writer_->db().wal_pages();
    if (pages < looked_at_pages_) looked_at_pages_ = 0;  // it began from the front again
    if ((pages - looked_at_pages_) * frame_bytes < options_.checkpoint_bytes) return;
    looked_at_pages_ = pages;
    checkpoint(pages * frame_bytes > options_.wal_bytes_max ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE);
  }

  std::string repair() override {
    std::lock_guard guard{mutex_};
    if (condition_ != storage::condition::broken) return {};
    readers_.close();
    try {
      if (writer_) writer_->db().abandon();
      writer_.reset();
      open();
      ++generation_;
      condition_ = storage::condition::good;
      count([](auto& f) { ++f.reopened; });
    } catch (const std::exception& e) {
      readers_.open();
      return e.what();
    }
    readers_.open();
    return {};
  }

  std::optional<log_head> head(std::string_view log) const override {
    return look([&](connection& db) { return sqlite_logs::head(db, damage_, log); }, std::optional<log_head>{});
  }
  log_page read(std::string_view log, std::uint64_t after, std::size_t count_max,
                std::size_t bytes_max) const override {
    return look([&](connection& db) { return sqlite_logs::read(db, damage_, keys_, log, after, count_max, bytes_max); },
                log_page{.error = errc::unavailable});
  }
  log_page read_before(std::string_view log, std::uint64_t before, std::size_t count_max,
                       std::size_t bytes_max) const override {
    return look(
        [&](connection& db) { return sqlite_logs::read_before(db, damage_, keys_, log, before, count_max, bytes_max); },
        log_page{.error = errc::unavailable});
  }
  bytes_ptr snapshot(std::string_view log) const override {
    return look([&](connection& db) { return sqlite_logs::snapshot(db, damage_, keys_, log); }, bytes_ptr{});
  }
  std::vector<named_snapshot> snapshots(std::string_view after, std::size_t count_max) const override {
    return look([&](connection& db) { return sqlite_logs::snapshots(db, damage_, keys_, after, count_max); },
                std::vector<named_snapshot>{});
  }
  inbox_page read_inbox(std::string_view user, std::uint64_t after, std::size_t count_max, std::size_t bytes_max,
                        std::int64_t now_ms) const override {
    return look(
        [&](connection& db) {
          return sqlite_inboxes::read(db, damage_, user, after, count_max, bytes_max, now_ms, forgotten_upto());
        },
        inbox_page{.error = errc::unavailable});
  }
  inbox_state inbox(std::string_view user) const override {
    return look([&](connection& db) { return sqlite_inboxes::state(db, damage_, user, forgotten_upto()); },
                inbox_state{});
  }
  std::vector<inbox_summary> inboxes(std::string_view after, std::size_t count_max) const override {
    return look([&](connection& db) { return sqlite_inboxes::list(db, damage_, after, count_max); },
                std::vector<inbox_summary>{});
  }
  std::optional<holders_page> inbox_holders(std::string_view after, std::size_t rows_max) const override {
    using found = std::optional<holders_page>;
    return look([&](connection& db) { return found{sqlite_inboxes::holders(db, after, rows_max)}; }, found{});
  }
  std::vector<dead_letter> dead_letters(std::optional<std::string_view> user, std::uint64_t after,
                                        std::size_t count_max) const override {
    return look([&](connection& db) { return sqlite_dead::list(db, damage_, keys_, user, after, count_max); },
                std::vector<dead_letter>{});
  }
  std::vector<dead_letter> dead_letters_of_room(std::string_view room, std::uint64_t after,
                                                std::size_t count_max) const override {
    return look([&](connection& db) { return sqlite_dead::list_room(db, damage_, keys_, room, after, count_max); },
                std::vector<dead_letter>{});
  }
  std::optional<stored_session> session(std::string_view id) const override {
    return look([&](connection& db) { return sqlite_sessions::get(db, damage_, id); }, std::optional<stored_session>{});
  }
  std::vector<stored_session> sessions(std::string_view after, std::size_t count_max) const override {
    return look([&](connection& db) { return sqlite_sessions::list(db, damage_, after, count_max); },
                std::vector<stored_session>{});
  }
  std::optional<outcome> recall(const idempotency& once, std::int64_t now_ms) const override {
    return look(
        [&](connection& db) { return sqlite_ids::recall(db, damage_, keys_, once, now_ms, options_.id_age_ms); },
        std::optional<outcome>{});
  }

  std::optional<stored_secret> secret(std::string_view name) const override {
    return look([&](connection& db) { return sqlite_secrets::get(db, damage_, name); }, std::optional<stored_secret>{});
  }
  std::vector<stored_secret> secrets(std::string_view after, std::size_t count_max) const override {
    return look([&](connection& db) { return sqlite_secrets::list(db, damage_, after, count_max); },
                std::vector<stored_secret>{});
  }
  std::vector<kek_use> keks() const override {
    return look([](connection& db) { return sqlite_secrets::keks(db); }, std::vector<kek_use>{});
  }

  std::optional<std::vector<stored_key>> api_keys(std::string_view after, std::size_t count_max) const override {
    using found = std::optional<std::vector<stored_key>>;
    return look([&](connection& db) { return found{sqlite_access::keys(db, damage_, after, count_max)}; }, found{});
  }
  std::optional<std::vector<stored_revocation>> revocations(revoked kind, std::string_view after,
                                                            std::size_t count_max) const override {
    using found = std::optional<std::vector<stored_revocation>>;
    return look([&](connection& db) { return found{sqlite_access::revocations(db, damage_, kind, after, count_max)}; },
                found{});
  }

  statistics counters() const override {
    std::lock_guard guard{published_mutex_};
    auto seen = sums_.seen;
    seen.damaged = damage_.rows();
    return seen;
  }

  std::int64_t newest_ms() const override {
    std::lock_guard guard{published_mutex_};
    return static_cast<std::int64_t>(sums_.newest_ms);
  }

  sqlite_figures figures() const override {
    sqlite_figures now;
    {
      std::lock_guard guard{published_mutex_};
      now = figures_;
    }
    now.damaged = damage_.rows();
    std::error_code none;
    const auto bytes = std::filesystem::file_size(options_.path, none);
    if (!none) now.database_bytes = bytes;
    return now;
  }

  void lend(const std::function<void(connection&)>& work) override {
    std::lock_guard guard{mutex_};
    if (condition_ == storage::condition::broken) throw sqlite_error{SQLITE_IOERR, "the store is broken"};
    work(writer_->db());
  }

 protected:
  void execute(std::span<const operation> batch, std::span<outcome> out) override {
    std::size_t wanted = 0;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      out[i].error = check(batch[i]);
      wanted += out[i].ok();
    }
    if (wanted == 0) return;
    std::lock_guard guard{mutex_};
    if (condition_ == storage::condition::broken) return refuse(out, errc::unavailable);
    bool committing = false;
    try {
      const auto began = clock::now();
      writer_->execute(batch, out);
      committing = true;
      if (planted("ack_before_commit") && !is_due(began)) return;
      writer_->commit();
      succeeded(batch.size(), ns_since(began));
    } catch (const sqlite_error& e) {
      refuse(out, failed(e, committing));
    } catch (...) {
      if (!writer_->roll_back()) condition_ = storage::condition::broken;
      throw;
    }
  }

 private:
  void open() {
    keys_.forget();
    writer_ = open_writer(options_, damage_, keys_);
    auto& db = writer_->db();
    if (sqlite3_wal_checkpoint_v2(db.handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr) != SQLITE_OK) {
      const std::string why = sqlite3_errmsg(db.handle());
      db.abandon();
      throw open_error{"Cannot move the WAL into the database: " + why + "."};
    }
    looked_at_pages_ = 0;
    publish();
  }

  void publish() {
    std::lock_guard guard{published_mutex_};
    sums_ = writer_->sums();
    figures_.wal_bytes = writer_->db().wal_pages() * frame_bytes;
  }

  template <class Change>
  void count(Change change) {
    std::lock_guard guard{published_mutex_};
    change(figures_);
  }

  void succeeded(std::size_t operations, std::uint64_t ns) {
    become(storage::condition::full, storage::condition::good);
    publish();
    count([&](auto& f) {
      ++f.batches;
      f.operations += operations;
      f.commit_ns += ns;
      f.commit_ns_max = std::max(f.commit_ns_max, ns);
    });
  }

  /// A reader may have found it broken meanwhile: that stays.
  bool become(storage::condition from, storage::condition to) noexcept {
    return condition_.compare_exchange_strong(from, to);
  }

  static void refuse(std::span<outcome> out, errc why) {
    for (auto& each : out) each = {.error = each.error == errc::too_large ? errc::too_large : why};
  }

  /// What a failure means for its batch.
  errc failed(const sqlite_error& e, bool committing) {
    count([](auto& f) { ++f.failed; });
    const bool as_before = writer_->roll_back();
    const bool no_space = e.is(SQLITE_FULL) || (!committing && e.is(SQLITE_IOERR) &&
                                                (e.system_error() == ENOSPC || e.system_error() == EDQUOT));
    if (as_before && no_space) {
      if (become(storage::condition::good, storage::condition::full))
        damage_.say("The database has no space: " + std::string{e.what()} + ".");
      return errc::unavailable;
    }
    if (as_before && (e.is(SQLITE_BUSY) || e.is(SQLITE_LOCKED))) {
      damage_.say("Somebody else holds the database: " + std::string{e.what()} + ".");
      return errc::unavailable;
    }
    broken(e);
    return committing ? errc::outcome_unknown : errc::unavailable;
  }

  void broken(const sqlite_error& e) const {
    if (e.damage()) mark_suspect(options_.path);
    condition_ = storage::condition::broken;
    damage_.say("The database has failed (" + std::string{e.what()} + ", code " + std::to_string(e.code()) +
                "); it is used again once it was repaired.");
  }

  void checkpoint(int mode) {
    auto& db = writer_->db();
    const auto began = clock::now();
    db.wait_for_locks(checkpoint_waits_ms);
    const auto code = sqlite3_wal_checkpoint_v2(db.handle(), nullptr, mode, nullptr, nullptr);
    const auto system_error = sqlite3_system_errno(db.handle());
    const std::string why = code == SQLITE_OK ? "" : sqlite3_errmsg(db.handle());
    db.wait_for_locks(options_.busy_ms);
    if (code == SQLITE_OK && mode == SQLITE_CHECKPOINT_TRUNCATE) looked_at_pages_ = 0;
    const auto ns = ns_since(began);
    count([ns](auto& f) {
      ++f.checkpoints;
      f.checkpoint_ns += ns;
      f.checkpoint_ns_max = std::max(f.checkpoint_ns_max, ns);
    });
    const sqlite_error e{code, "a checkpoint: " + why, system_error};
    const bool no_space = e.is(SQLITE_FULL) || system_error == ENOSPC || system_error == EDQUOT;
    if (code != SQLITE_OK && !e.is(SQLITE_BUSY) && !e.is(SQLITE_LOCKED) && !no_space) broken(e);
  }

  /// What a read finds, or `otherwise` where the disk does not let it be read.
  template <class Read, class Found>
  Found look(Read&& what, Found otherwise) const {
    try {
      return readers_.read(what);
    } catch (const sqlite_error& e) {
      if (e.damage())
        broken(e);
      else
        damage_.say("A read of the database failed: " + std::string{e.what()} + ".");
      return otherwise;
    }
  }

  std::uint64_t forgotten_upto() const {
    std::lock_guard guard{published_mutex_};
    return sums_.forgotten_upto;
  }

  const sqlite_options options_;
  mutable sqlite_damage damage_;
  mutable row_keys keys_;
  file_lock lock_;
  mutable std::atomic<storage::condition> condition_{storage::condition::good};
  std::atomic<std::uint32_t> generation_{0};
  mutable std::mutex mutex_;  // of the writer
  std::unique_ptr<sqlite_writer> writer_;
  std::uint64_t looked_at_pages_ = 0;
  mutable sqlite_readers readers_;

  mutable std::mutex published_mutex_;
  sqlite_sums sums_;  // of the last commit
  sqlite_figures figures_;
};

}  // namespace

std::unique_ptr<sqlite_store> open_sqlite_store(sqlite_options options) {
  return std::make_unique<sqlite_store_impl>(std::move(options));
}

}  // namespace greenroom::storage
