#include "runtime/log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "runtime/limits.hpp"
#include "runtime/log_line.hpp"
#include "runtime/unique_fd.hpp"

namespace greenroom::runtime::log {
namespace {

constexpr const char* text_pattern = "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v";
constexpr const char* json_pattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";

std::atomic<std::uint64_t> lost{0};  // not written, or dropped by queues that are gone

/// Writes a line at once where lines are few, so that it is there when the process is not. Then the thread of the queue rests,
/// and what has come meanwhile is written together: who logs much does not wake a thread for each line, which costs more than
/// the line.
class descriptor_sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit descriptor_sink(int borrowed) : fd_{borrowed} {}
  explicit descriptor_sink(unique_fd owned) : fd_{owned.get()}, owned_{std::move(owned)} {}
  ~descriptor_sink() override { write(); }

  /// Where its lines wait. Null: nowhere. Before the first one, or when its thread has ended.
  void comes_from(spdlog::details::thread_pool* queue) { queue_ = queue; }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    add(message);
    const bool more = queue_ && queue_->queue_size() != 0;
    if (more && block_.size() < limits::log_write_bytes) return;
    write();
    if (queue_ && !more) std::this_thread::sleep_for(limits::log_rest);
  }
  void flush_() override { write(); }

  void add(const spdlog::details::log_msg& message) try {
    if (block_.size() == 0 && torn_) block_.push_back('\n');
    formatter_->format(message, block_);
    whole_ = block_.size();
  } catch (...) {
    block_.resize(whole_);
    write();  // those before it need not wait for one after it
    throw;
  }

  void write() {
    std::size_t written = 0;
    while (written < block_.size()) {
      const auto count = ::write(fd_, block_.data() + written, block_.size() - written);
      if (count < 0 && (errno == EINTR || waited())) continue;
      if (count <= 0) break;
      written += static_cast<std::size_t>(count);
      torn_ = block_[written - 1] != '\n';
    }
    if (written == 0 && block_.size() != 0 && block_[0] == '\n') ++written;  // it ends a line that was counted
    const auto lines = std::count(block_.data() + written, block_.data() + block_.size(), '\n');
    lost.fetch_add(static_cast<std::uint64_t>(lines), std::memory_order_relaxed);
    block_.clear();
    whole_ = 0;
  }
  /// A terminal, or a pipe, that others have made non-blocking: whether it takes something again, soon enough that whoever
  /// stops the node need not wait for a reader that has stopped.
  bool waited() const {
    constexpr int wait_ms = 1'000;
    pollfd end{.fd = fd_, .events = POLLOUT, .revents = 0};
    return errno == EAGAIN && ::poll(&end, 1, wait_ms) == 1 && (end.revents & POLLOUT) != 0;
  }

  int fd_;
  unique_fd owned_;
  spdlog::details::thread_pool* queue_ = nullptr;
  spdlog::memory_buf_t block_;  ///< lines that are not written, …
  std::size_t whole_ = 0;       ///< … so far
  bool torn_ = false;           ///< what was written last is no whole line
};

std::shared_ptr<descriptor_sink> open_sink(const std::string& file) {
  if (file.empty()) return std::make_shared<descriptor_sink>(STDERR_FILENO);
  unique_fd fd{::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640)};
  if (!fd) throw std::system_error{errno, std::generic_category(), "The log file " + file + " cannot be opened"};
  return std::make_shared<descriptor_sink>(std::move(fd));
}

/// Where lines go; replaced as a whole.
struct target {
  std::shared_ptr<spdlog::details::thread_pool> pool;  // null: lines are written at once
  std::shared_ptr<spdlog::logger> logger;
  log_format format = log_format::text;
  bool access = true;

  explicit target(const log_config& config, bool asynchronous) : format{config.format}, access{config.access} {
    auto sink = open_sink(config.file);
    sink->set_formatter(std::make_unique<spdlog::pattern_formatter>(
        format == log_format::json ? json_pattern : text_pattern, spdlog::pattern_time_type::utc));
    if (asynchronous) {
      pool = std::make_shared<spdlog::details::thread_pool>(config.queue_max, 1);
      sink->comes_from(pool.get());
      logger = std::make_shared<spdlog::async_logger>("greenroom", std::move(sink), pool,
                                                      spdlog::async_overflow_policy::overrun_oldest);
    } else {
      logger = std::make_shared<spdlog::logger>("greenroom", std::move(sink));
    }
    logger->set_level(spdlog::level::trace);  // `level` below decides
    logger->set_error_handler([](const std::string&) { lost.fetch_add(1, std::memory_order_relaxed); });
  }
  ~target() {
    const auto overrun = pool ? pool->overrun_counter() : 0;
    pool.reset();  // writes what waits, and ends its thread before the sink goes
    lost.fetch_add(overrun, std::memory_order_relaxed);
  }
  target(const target&) = delete;
  target& operator=(const target&) = delete;
};

struct global {
  std::mutex mutex;
  std::shared_ptr<target> to = std::make_shared<target>(log_config{}, false);
  std::atomic<log_level> level{log_level::info};

  std::shared_ptr<target> get() {
    std::lock_guard guard{mutex};
    return to;
  }
  std::shared_ptr<target> replace(std::shared_ptr<target> with) {
    std::lock_guard guard{mutex};
    return std::exchange(to, std::move(with));
  }
};

/// Never destroyed: a detached thread may log while the process ends.
global& all() {
  static auto* const instance = new global;
  return *instance;
}

spdlog::level::level_enum spdlog_level(log_level level) {
  switch (level) {
    case log_level::trace: return spdlog::level::trace;
    case log_level::debug: return spdlog::level::debug;
    case log_level::info: return spdlog::level::info;
    case log_level::warning: return spdlog::level::warn;
    case log_level::error: return spdlog::level::err;
    case log_level::off: break;
  }
  return spdlog::level::off;
}

void write_to(const target& to, log_level level, std::string_view sentence, fields what) {
  const auto line = to.format == log_format::json ? json_line(sentence, what) : text_line(sentence, what);
  to.logger->log(spdlog::source_loc{}, spdlog_level(level), spdlog::string_view_t{line.data(), line.size()});
}

}  // namespace

void start(const log_config& config) {
  auto next = std::make_shared<target>(config, true);
  all().level = config.level;
  all().replace(std::move(next));
}

void stop() noexcept {
  all().level = log_config{}.level;
  all().replace(std::make_shared<target>(log_config{}, false));  // the old one writes what waits when it goes
}

bool enabled(log_level level) noexcept { return level >= all().level.load(std::memory_order_relaxed); }

void write(log_level level, std::string_view sentence, fields what) noexcept try {
  if (enabled(level)) write_to(*all().get(), level, sentence, what);
} catch (...) {
  lost.fetch_add(1, std::memory_order_relaxed);
}

void access(const access_entry& what) noexcept try {
  if (!enabled(log_level::info)) return;
  const auto to = all().get();
  if (!to->access) return;
  const auto path = what.target.substr(0, what.target.find('?'));  // a query may hold a token
  if (what.connection == 0 && what.reason.empty())                 // an HTTP request: there is no session yet
    write_to(*to, log_level::info, "access",
             {{"peer", what.peer},
              {"method", what.method},
              {"target", path},
              {"status", what.status},
              {"bytes", what.bytes},
              {"duration_us", what.duration_us},
              {"trace", what.trace}});
  else
    write_to(*to, log_level::info, "access",
             {{"peer", what.peer},
              {"method", what.method},
              {"target", path},
              {"status", what.status},
              {"connection", what.connection},
              {"session", what.session},
              {"user", what.user},
              {"reason", what.reason}});
} catch (...) {
  lost.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t dropped() noexcept {
  const auto to = all().get();
  return lost.load(std::memory_order_relaxed) + (to->pool ? to->pool->overrun_counter() : 0);
}

}  // namespace greenroom::runtime::log
