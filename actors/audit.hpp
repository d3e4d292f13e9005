/// AUDIT is what a node writes down of who did what, from where, whether it was allowed, and why not: lines of a chain in
/// DATA/audit (storage/audit_log.hpp). Shards hand entries over; a thread of its own makes lines of them, writes what has come
/// within a tenth of a second, and has it on disk before the next.
///
///   shard ── record(entry) ──▶ queue ──▶ thread: fold repeated refusals ──▶ lines ──▶ write, fdatasync ──▶ `then`
///
/// Lifecycle: made before the first actor, closed behind the last: then all that came is on disk and signed.
/// Threading: record() and the figures on any thread; `then` runs on the audit's.
/// Bounds: config audit.queue_max entries wait; over it one is dropped, counted, and a line says how many. Refusals that repeat
///   are folded (audit_fold.hpp).
/// Failure: the constructor throws std::system_error or std::runtime_error where the directory or the key cannot be used.
///   Where the disk takes nothing, entries are lost, counted, logged once; the first line that is written again says how many.
///   The node goes on.
#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/config.hpp"
#include "storage/audit_line.hpp"

namespace greenroom {

using storage::audit_decision;

/// From which audit.level on it is recorded.
enum class audit_kind : std::uint8_t {
  node,            ///< start and stop: always
  refusal,         ///< from `refusals` on
  session,         ///< opened, ended: from `sessions` on
  administration,  ///< commands, certificates, plugins: from `sessions` on
  use,             ///< what was allowed: `all`
};

struct audit_entry {
  audit_kind what = audit_kind::node;
  audit_decision decision = audit_decision::done;
  std::string_view action{};  ///< of static life
  std::string user{}, session{}, peer{}, target{}, reason{};
  std::string credential{};  ///< `jti:…` or `key:…`: what the user has shown, by its name
  std::string detail{};      ///< what is known beside that; never a secret, never a payload
  std::int32_t code = 0;     ///< of the error that the caller was told; 0: none
};

class audit {
 public:
  struct options {
    std::filesystem::path directory;
    runtime::audit_config how{};
    std::function<std::int64_t()> now_ms;
  };

  explicit audit(options from);
  ~audit();
  audit(const audit&) = delete;
  audit& operator=(const audit&) = delete;

  /// Whether audit.level wants such entries. Ask before making one that costs something.
  bool wants(audit_kind what) const noexcept;
  void record(audit_entry what);
  /// `then` runs when it is on disk, or when it is known that it cannot be; at once where it is not wanted.
  void record(audit_entry what, std::function<void()> then);
  /// Writes and signs what there is. What comes later is dropped.
  void close();

  struct figures {
    std::atomic<std::uint64_t> lines{0}, last{0}, lost_queue{0}, lost_disk{0}, folded{0}, failures{0};
  };
  const figures& counters() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// Null where audit.level is off.
std::shared_ptr<audit> open_audit(const runtime::config& config, const std::filesystem::path& data,
                                  std::function<std::int64_t()> now_ms);

}  // namespace greenroom
