/// LOG is the node's one log: asynchronous, so that a shard never waits for a disk, as text for people or as JSON lines
/// for machines. Who and where go as fields, never into the sentence. Payloads and tokens are never logged.
///
///   log::warn("the connection's outbox is full", {log::connection(42), log::room("lobby"), {"bytes", 1048576}});
///
/// Lifecycle: `start` early in main, `stop` (everything that waits is written) at its end; `scoped` does both. Before
/// and after, lines go to standard error at once.
/// Threading: any thread; a line costs its caller the formatting and one lock. One that comes alone is written at once, after
/// which those of the next 2 ms are written together.
/// Bounds: `log_config::queue_max` lines wait; over it the oldest waiting one is dropped and counted (`dropped`). A
/// value longer than 256 bytes is cut.
/// Failure: a file that cannot be opened throws std::system_error from `start`; a full disk costs lines (counted),
/// never the caller.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "runtime/config.hpp"

namespace greenroom::runtime::log {

/// A named value of a line.
struct field {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, std::uint64_t, double> value;

  field(std::string_view n, std::string_view v) : name{n}, value{v} {}
  field(std::string_view n, const char* v) : name{n}, value{std::string_view{v}} {}
  field(std::string_view n, const std::string& v) : name{n}, value{std::string_view{v}} {}
  field(std::string_view n, std::signed_integral auto v) : name{n}, value{std::int64_t{v}} {}
  field(std::string_view n, std::unsigned_integral auto v) : name{n}, value{std::uint64_t{v}} {}
  field(std::string_view n, double v) : name{n}, value{v} {}
};
using fields = std::initializer_list<field>;

inline field connection(std::uint64_t id) { return {"connection", id}; }
inline field session(std::string_view id) { return {"session", id}; }
inline field room(std::string_view name) { return {"room", name}; }
inline field user(std::string_view name) { return {"user", name}; }

void start(const log_config& config);
void stop() noexcept;
struct scoped {
  explicit scoped(const log_config& config) { start(config); }
  ~scoped() { stop(); }
  scoped(const scoped&) = delete;
  scoped& operator=(const scoped&) = delete;
};

bool enabled(log_level level) noexcept;
void write(log_level level, std::string_view sentence, fields what = {}) noexcept;

inline void trace(std::string_view sentence, fields what = {}) noexcept { write(log_level::trace, sentence, what); }
inline void debug(std::string_view sentence, fields what = {}) noexcept { write(log_level::debug, sentence, what); }
inline void info(std::string_view sentence, fields what = {}) noexcept { write(log_level::info, sentence, what); }
inline void warn(std::string_view sentence, fields what = {}) noexcept { write(log_level::warning, sentence, what); }
inline void error(std::string_view sentence, fields what = {}) noexcept { write(log_level::error, sentence, what); }

/// One line for an HTTP request, or for a call that was refused.
struct access_entry {
  std::string_view peer{};    ///< address of the client
  std::string_view method{};  ///< "GET", or the method of a refused call
  std::string_view target{};  ///< the path without its query, or the room
  int status = 0;             ///< HTTP's, or the error code of the call
  std::uint64_t bytes = 0;    ///< of the answer
  std::uint64_t duration_us = 0;
  std::uint64_t connection = 0;
  std::string_view session{};
  std::string_view user{};
  std::string_view trace{};   ///< the id that an error body carries
  std::string_view reason{};  ///< why a call was refused
};
void access(const access_entry& what) noexcept;

std::uint64_t dropped() noexcept;  ///< lines that found the queue full, or could not be written

}  // namespace greenroom::runtime::log
