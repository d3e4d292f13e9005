#include "storage/memory_store.hpp"

#include <mutex>

#include "storage/dead_letters.hpp"
#include "storage/memory_access.hpp"
#include "storage/memory_ids.hpp"
#include "storage/memory_inboxes.hpp"
#include "storage/memory_logs.hpp"
#include "storage/memory_secrets.hpp"
#include "storage/memory_sessions.hpp"

namespace greenroom::storage {
namespace {

class memory_store final : public store {
 public:
  explicit memory_store(const memory_options& o)
      : ids_{o.ids_bytes_max, o.ids_per_sender_max, o.id_age_ms},
        logs_{o.history_bytes_max, o.logs_max},
        dead_{o.dead_bytes_max, o.dead_age_ms},
        inboxes_{o.inbox_bytes_max, o.inboxes_max, dead_},
        sessions_{o.sessions_max} {}

  durability level() const noexcept override { return durability::accepted; }

  std::optional<log_head> head(std::string_view log) const override { return logs_.head(log); }
  log_page read(std::string_view log, std::uint64_t after, std::size_t count_max,
                std::size_t bytes_max) const override {
    return logs_.read(log, after, count_max, bytes_max);
  }
  log_page read_before(std::string_view log, std::uint64_t before, std::size_t count_max,
                       std::size_t bytes_max) const override {
    return logs_.read_before(log, before, count_max, bytes_max);
  }
  bytes_ptr snapshot(std::string_view log) const override { return logs_.snapshot(log); }
  std::vector<named_snapshot> snapshots(std::string_view after, std::size_t count_max) const override {
    return logs_.snapshots(after, count_max);
  }

  inbox_page read_inbox(std::string_view user, std::uint64_t after, std::size_t count_max, std::size_t bytes_max,
                        std::int64_t now_ms) const override {
    return inboxes_.read(user, after, count_max, bytes_max, now_ms);
  }
  inbox_state inbox(std::string_view user) const override { return inboxes_.state(user); }
  std::vector<inbox_summary> inboxes(std::string_view after, std::size_t count_max) const override {
    return inboxes_.list(after, count_max);
  }
  std::optional<holders_page> inbox_holders(std::string_view after, std::size_t rows_max) const override {
    holders_page page;
    for (auto& each : inboxes_.list(after, rows_max)) page.users.push_back(std::move(each.user));
    if (page.users.size() == rows_max) page.upto = page.users.back();
    return page;
  }
  std::vector<dead_letter> dead_letters(std::optional<std::string_view> user, std::uint64_t after,
                                        std::size_t count_max) const override {
    return dead_.list(user, after, count_max);
  }
  std::vector<dead_letter> dead_letters_of_room(std::string_view room, std::uint64_t after,
                                                std::size_t count_max) const override {
    return dead_.list_room(room, after, count_max);
  }

  std::optional<stored_session> session(std::string_view id) const override { return sessions_.get(id); }
  std::vector<stored_session> sessions(std::string_view after, std::size_t count_max) const override {
    return sessions_.list(after, count_max);
  }
  std::optional<outcome> recall(const idempotency& once, std::int64_t now_ms) const override {
    return ids_.recall(once, now_ms);
  }

  std::optional<stored_secret> secret(std::string_view name) const override { return secrets_.get(name); }
  std::vector<stored_secret> secrets(std::string_view after, std::size_t count_max) const override {
    return secrets_.list(after, count_max);
  }
  std::vector<kek_use> keks() const override { return secrets_.keks(); }
  std::optional<std::vector<stored_key>> api_keys(std::string_view after, std::size_t count_max) const override {
    return access_.keys(after, count_max);
  }
  std::optional<std::vector<stored_revocation>> revocations(revoked kind, std::string_view after,
                                                            std::size_t count_max) const override {
    return access_.revocations(kind, after, count_max);
  }

  statistics counters() const override {
    statistics sum;
    ids_.count(sum);
    logs_.count(sum);
    inboxes_.count(sum);
    dead_.count(sum);
    sessions_.count(sum);
    return sum;
  }

 protected:
  void execute(std::span<const operation> batch, std::span<outcome> out) override {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      out[i].error = check(batch[i]);
      if (out[i].ok()) out[i] = std::visit([this](const auto& op) { return run(op); }, batch[i]);
    }
  }

 private:
  outcome run(const append& op) {
    return once(op, [&] { return logs_.execute(op); });
  }
  outcome run(const inbox_append& op) {
    return once(op, [&] { return inboxes_.execute(op); });
  }
  template <class Op>
  requires requires(memory_logs& logs, const Op& op) { logs.execute(op); }
  outcome run(const Op& op) { return logs_.execute(op); }
  template <class Op>
  requires requires(memory_inboxes& inboxes, const Op& op) { inboxes.execute(op); }
  outcome run(const Op& op) { return inboxes_.execute(op); }
  template <class Op>
  requires requires(memory_sessions& sessions, const Op& op) { sessions.execute(op); }
  outcome run(const Op& op) { return sessions_.execute(op); }
  template <class Op>
  requires requires(storage::dead_letters& dead, const Op& op) { dead.execute(op); }
  outcome run(const Op& op) { return dead_.execute(op); }
  template <class Op>
  requires requires(memory_access& access, const Op& op) { access.execute(op); }
  outcome run(const Op& op) { return access_.execute(op); }

  template <class Op>
  requires requires(memory_secrets& secrets, const Op& op) { secrets.execute(op); }
  outcome run(const Op& op) { return secrets_.execute(op); }

  outcome run(const sweep& op) {
    std::lock_guard guard{sweep_mutex_};
    outcome out;
    const auto budget = [&] { return op.removals_max - out.count; };
    out.count += ids_.sweep(next_part_, op.now_ms, budget());
    out.count += logs_.sweep(next_part_, op.now_ms, budget());
    out.count += inboxes_.sweep(next_part_, op.now_ms, budget());
    out.count += dead_.expire(op.now_ms, budget());
    out.count += sessions_.sweep(next_part_, op.now_ms, budget());
    if (out.count < op.removals_max) next_part_ = (next_part_ + 1) % limits::stripes;
    out.left = next_part_ == 0 && out.count < op.removals_max ? 0 : limits::stripes - next_part_;
    return out;
  }

  /// Runs the operation unless its id was used before; the message and the record of its id are one step.
  template <class Op, class Run>
  outcome once(const Op& op, Run execute) {
    if (!op.once) return execute();
    const auto out = [&] {
      auto id = ids_.look(*op.once, op.at_ms);
      if (auto known = id.known()) return *std::move(known);
      auto stored = execute();
      if (stored.ok()) id.record(stored);
      return stored;
    }();
    ids_.shrink();
    return out;
  }

  memory_ids ids_;
  memory_logs logs_;
  storage::dead_letters dead_;
  memory_inboxes inboxes_;
  memory_sessions sessions_;
  memory_secrets secrets_;
  memory_access access_;
  std::mutex sweep_mutex_;
  std::size_t next_part_ = 0;
};

}  // namespace

std::unique_ptr<store> make_memory_store(memory_options options) { return std::make_unique<memory_store>(options); }

}  // namespace greenroom::storage
