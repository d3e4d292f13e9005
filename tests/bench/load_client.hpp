#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/speech.hpp"
#include "tests/bench/wire.hpp"

/// The load generator's WebSocket clients: thousands of connections on one thread and one epoll, cheap enough that what
/// is measured is the server. Frames are counted and looked at only as far as a figure needs it; the mask is zero, which
/// RFC 6455 allows and which makes masking free.
namespace greenroom::bench {

using clock = std::chrono::steady_clock;

enum class opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, ping = 9, pong = 10 };

/// How a client comes.
struct entry {
  speech how = speech::native;
  std::string path;
  unsigned source = 1;     ///< from 127.0.0.`source`; 257 is 127.0.1.1
  std::uint32_t tag = 0;   ///< a figure's own: a member's room, a caller's number
  std::uint16_t port = 0;  ///< 0: the run's
};

/// One connection. Made by `load::connect`.
class peer {
 public:
  enum class state : std::uint8_t { connecting, securing, upgrading, open, closed };
  state at() const noexcept { return state_; }
  std::uint16_t close_code() const noexcept { return close_code_; }  ///< 0: none came
  const entry& is() const noexcept { return is_; }

  void send(std::string_view frames);  ///< ready-made frames (`masked`); what does not fit now goes when it does
  bool all_sent() const noexcept { return out_.empty(); }
  void stop_reading();  ///< for good, with a small receive buffer
  void close();         ///< without a word

  std::uint64_t frames = 0, bytes = 0;  ///< received messages, and the length of their frames with headers

 private:
  friend class load;
  void watch() const;
  wire wire_;
  int epoll_ = -1;
  state state_ = state::connecting;
  bool reads_ = true;
  std::uint16_t close_code_ = 0;
  std::string in_, out_, stream_;
  entry is_;
};

/// All connections of one run. One thread. Broken connections throw std::runtime_error unless `tolerate_close`.
class load {
 public:
  struct options {
    std::uint16_t port = 0;
    /// Called for each message, after the counters moved. Empty where counting is enough.
    std::function<void(peer&, std::string_view payload)> on_frame{};
    std::function<void(peer&)> on_open{};
    std::function<void(peer&, std::string_view payload)> on_pong{};
    std::function<void(peer&)> on_end{};  ///< not of one that the figure closes
    bool tolerate_close = false;
    bool forget_closed = false;  ///< nobody keeps a `peer&` longer than until it is closed
    bool tls = false;
    bool deflate = false;  ///< offers permessage-deflate, insists on it, and inflates one frame in a thousand
  };
  explicit load(options how);
  ~load();

  /// Connects and upgrades; goes on while the loop turns.
  peer& connect(entry how);
  /// Turns the loop until `done`, at most until the deadline; says whether it was done.
  bool run_until(const std::function<bool()>& done, clock::time_point deadline);
  /// As above; not done is an error with that sentence.
  void must(const char* what, const std::function<bool()>& done, std::chrono::seconds time = std::chrono::seconds{60});
  /// Turns the loop once: waits for something until then, at most, and does what there is.
  void turn(clock::time_point until);
  std::uint64_t received = 0;  ///< messages on all connections

 private:
  void on_writable(peer& to);
  void on_readable(peer& from);
  void upgrade(peer& to) const;
  void take_bytes(peer& from, std::string_view bytes);
  std::size_t take_handshake(peer& from);
  void check_deflated(const peer& from, std::uint8_t first, std::string_view payload) const;
  std::size_t take_frame(peer& from, std::string_view bytes);
  void take_stream(peer& from, std::string_view payload);
  void take_message(peer& from, std::string_view payload);
  void end(peer& of);

  options how_;
  tls_context tls_;
  int epoll_;
  std::vector<std::unique_ptr<peer>> peers_;
};

/// One frame; where `whole` is false the message goes on in the next one.
std::string masked(std::string_view payload, opcode as = opcode::text, bool whole = true);

}  // namespace greenroom::bench
