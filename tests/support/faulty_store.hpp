/// FAULTY_STORE is a real store that fails when a test says so. A hook sees every operation and every read before it
/// happens, and may throw: it is how a test crashes the actor that asks. Another decides the fate of whole batches, as
/// a full or broken disk does, and a third lets records come back damaged.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "storage/store.hpp"

namespace greenroom::tests {

class faulty_store final : public storage::store {
 public:
  explicit faulty_store(std::unique_ptr<storage::store> real) : real_{std::move(real)} {}

  std::function<void(const storage::operation&)> before_commit;
  std::function<void(std::string_view log)> before_read;
  std::function<void(std::string_view user)> before_inbox;
  std::function<void(std::string_view log)> after_read;  ///< the page is read, and not yet on its way

  /// What becomes of a batch.
  enum class fate : std::uint8_t {
    done,
    refused,         ///< `unavailable`: nothing is stored
    lost,            ///< `outcome_unknown`, and not stored
    lost_but_stored  ///< `outcome_unknown`, and stored all the same
  };
  std::function<fate(std::span<const storage::operation>)> fate_of;
  std::function<bool(std::string_view log, std::uint64_t seq)> damaged;  ///< true: its body does not come back

  storage::durability claims = storage::durability::accepted;
  storage::condition now = storage::condition::good;  ///< not good: every batch is refused
  int repairs_fail = 0;                               ///< so many; the next one makes it good
  mutable int lists_fail = 0;                         ///< so many listings of who has mail, of the next process, too
  int repairs = 0;                                    ///< tried

  /// The next batches that have such an operation in them.
  template <class Operation>
  void doom(fate what, int batches = 1) {
    fate_of = [what, batches](std::span<const storage::operation> batch) mutable {
      if (batches == 0) return fate::done;
      for (const auto& each : batch)
        if (std::holds_alternative<Operation>(each)) return --batches, what;
      return fate::done;
    };
  }
  /// The process has ended: what its actors still do reaches nothing. Gives the store to the next one.
  std::unique_ptr<storage::store> cut_off(std::unique_ptr<storage::store> nothing) {
    before_commit = nullptr;
    before_read = nullptr;
    fate_of = nullptr;
    return std::exchange(real_, std::move(nothing));
  }

  /// The next operation of that kind throws, `times` times.
  template <class Operation>
  void fail_next(int times = 1) {
    before_commit = [times](const storage::operation& what) mutable {
      if (times > 0 && std::holds_alternative<Operation>(what)) {
        --times;
        throw std::runtime_error{"the store fails, as the test wants"};
      }
    };
  }
  void fail_next_read(int times = 1) {
    before_read = [times](std::string_view) mutable {
      if (times-- > 0) throw std::runtime_error{"the store fails, as the test wants"};
    };
  }

  storage::durability level() const noexcept override { return claims; }
  storage::condition condition() const noexcept override { return now; }
  std::uint32_t generation() const noexcept override { return generation_; }
  std::string repair() override {
    ++repairs;
    if (repairs_fail > 0) return --repairs_fail, "the disk is not there, as the test wants";
    now = storage::condition::good;
    ++generation_;
    return {};
  }
  std::optional<storage::log_head> head(std::string_view log) const override { return real_->head(log); }
  storage::log_page read(std::string_view log, std::uint64_t after, std::size_t count_max,
                         std::size_t bytes_max) const override {
    if (before_read) before_read(log);
    auto page = worn(log, real_->read(log, after, count_max, bytes_max));
    if (after_read) after_read(log);
    return page;
  }
  storage::log_page read_before(std::string_view log, std::uint64_t before, std::size_t count_max,
                                std::size_t bytes_max) const override {
    return worn(log, real_->read_before(log, before, count_max, bytes_max));
  }
  storage::bytes_ptr snapshot(std::string_view log) const override { return real_->snapshot(log); }
  std::vector<storage::named_snapshot> snapshots(std::string_view after, std::size_t count_max) const override {
    return real_->snapshots(after, count_max);
  }
  storage::inbox_page read_inbox(std::string_view user, std::uint64_t after, std::size_t count_max,
                                 std::size_t bytes_max, std::int64_t now_ms) const override {
    if (before_inbox) before_inbox(user);
    return real_->read_inbox(user, after, count_max, bytes_max, now_ms);
  }
  storage::inbox_state inbox(std::string_view user) const override { return real_->inbox(user); }
  std::vector<storage::inbox_summary> inboxes(std::string_view after, std::size_t count_max) const override {
    return real_->inboxes(after, count_max);
  }
  std::optional<storage::holders_page> inbox_holders(std::string_view after, std::size_t rows_max) const override {
    if (lists_fail > 0) return --lists_fail, std::nullopt;
    return real_->inbox_holders(after, rows_max);
  }
  std::vector<storage::dead_letter> dead_letters(std::optional<std::string_view> user, std::uint64_t after,
                                                 std::size_t count_max) const override {
    return real_->dead_letters(user, after, count_max);
  }
  std::vector<storage::dead_letter> dead_letters_of_room(std::string_view room, std::uint64_t after,
                                                         std::size_t count_max) const override {
    return real_->dead_letters_of_room(room, after, count_max);
  }
  std::optional<storage::stored_session> session(std::string_view id) const override { return real_->session(id); }
  std::vector<storage::stored_session> sessions(std::string_view after, std::size_t count_max) const override {
    return real_->sessions(after, count_max);
  }
  std::optional<storage::outcome> recall(const storage::idempotency& once, std::int64_t now_ms) const override {
    return real_->recall(once, now_ms);
  }
  std::optional<storage::stored_secret> secret(std::string_view name) const override { return real_->secret(name); }
  std::vector<storage::stored_secret> secrets(std::string_view after, std::size_t count_max) const override {
    return real_->secrets(after, count_max);
  }
  std::vector<storage::kek_use> keks() const override { return real_->keks(); }
  std::optional<std::vector<storage::stored_key>> api_keys(std::string_view after,
                                                           std::size_t count_max) const override {
    return real_->api_keys(after, count_max);
  }
  std::optional<std::vector<storage::stored_revocation>> revocations(storage::revoked kind, std::string_view after,
                                                                     std::size_t count_max) const override {
    return real_->revocations(kind, after, count_max);
  }
  storage::statistics counters() const override { return real_->counters(); }

 protected:
  void execute(std::span<const storage::operation> batch, std::span<storage::outcome> out) override {
    if (before_commit)
      for (const auto& each : batch) before_commit(each);
    const auto what = now != storage::condition::good ? fate::refused : fate_of ? fate_of(batch) : fate::done;
    if (what == fate::done || what == fate::lost_but_stored) {
      auto outcomes = real_->commit(batch);
      std::move(outcomes.begin(), outcomes.end(), out.begin());
    }
    if (what == fate::done) return;
    const auto error = what == fate::refused ? storage::errc::unavailable : storage::errc::outcome_unknown;
    for (auto& each : out) each = {.error = error};
  }

 private:
  storage::log_page worn(std::string_view log, storage::log_page page) const {
    if (damaged)
      for (auto& each : page.records)
        if (damaged(log, each.seq)) each.body = nullptr;
    return page;
  }

  std::unique_ptr<storage::store> real_;
  std::uint32_t generation_ = 0;
};

}  // namespace greenroom::tests
