#include "runtime/edge_watch.hpp"

#include <atomic>
#include <mutex>
#include <utility>

#include "runtime/log.hpp"

namespace greenroom::runtime::edge {
namespace {

struct row {
  std::atomic<std::uint64_t> count{0};
  std::mutex mutex;  ///< Guards `when`.
  pace when;
};

std::array<row, words.size()>& rows() {
  static std::array<row, words.size()> all;
  return all;
}

std::string_view sentence_of(reason why) {
  switch (why) {
    case reason::slow_handshake: return "clients were cut off for a slow TLS handshake";
    case reason::slow_proxy: return "proxies were cut off for a slow PROXY header";
    case reason::slow_header: return "clients were cut off for a slow request header";
    case reason::slow_body: return "clients were cut off for a slow request body";
    case reason::slow_message: return "clients were cut off for a slow WebSocket message";
    case reason::slow_reader: return "clients were cut off that did not read their answer";
    case reason::bad_proxy: return "listed proxies were cut off that did not begin with the PROXY protocol, version 2";
    case reason::bad_forwarded: return "the X-Forwarded-For of listed proxies could not be read and was ignored";
    case reason::foreign_origin: return "pages of an origin that is not allowed were refused";
    case reason::no_descriptors: return "connections were turned away because the process has no descriptor left";
  }
  return "";
}

}  // namespace

std::uint64_t pace::tick(time_point now) noexcept {
  ++untold_;
  if (now < next_) return 0;
  next_ = now + between_lines;
  return std::exchange(untold_, 0);
}

void count(reason why, std::string_view who, std::string_view what) noexcept {
  auto& row = rows()[static_cast<std::size_t>(why)];
  row.count.fetch_add(1, std::memory_order_relaxed);
  std::uint64_t times = 0;
  {
    const std::lock_guard guard{row.mutex};
    times = row.when.tick(std::chrono::steady_clock::now());
  }
  if (times != 0) log::warn(sentence_of(why), {{"times", times}, {"peer", who}, {"said", what}});
}

std::uint64_t counted(reason why) noexcept {
  return rows()[static_cast<std::size_t>(why)].count.load(std::memory_order_relaxed);
}

}  // namespace greenroom::runtime::edge
