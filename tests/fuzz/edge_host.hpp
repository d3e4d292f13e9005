#pragma once
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/corked_impl.hpp"
#include "runtime/forwarded.hpp"
#include "runtime/http_connection_impl.hpp"
#include "tests/fuzz/edge_targets.hpp"
#include "tests/support/patience.hpp"
#include "tests/support/raw_socket.hpp"
#include "tests/support/shard_loop.hpp"

/// EDGE_HOST plays bytes to the node's real HTTP and WebSocket connections over a socket pair, on a shard, and says what came
/// of them. What comes must not depend on the pieces in which the bytes arrive.
namespace greenroom::runtime::fuzz {

/// What one client's bytes led to.
struct played {
  std::vector<std::string> requests;  ///< "METHOD path?query[body]"
  std::vector<std::string> answers;   ///< status lines, without 100
  std::vector<std::string> messages;  ///< a letter for the kind before each
  int code = -1;                      ///< of the WebSocket's end; -1: there was none
  friend bool operator==(const played&, const played&) = default;
};

class edge_host final : http_handler, http_connection::owner {
 public:
  static constexpr std::uint32_t message_bytes_max = 2'048, fragments_max = 8;

  static edge_host& shared() {
    static auto* one = new edge_host;  // its shard's thread goes with the process
    return *one;
  }

  /// `first` goes in one piece, before the others; `seed` 0: they do, too.
  played play(std::string_view first, std::string_view bytes, std::uint32_t seed) {
    std::array<int, 2> ends{};
    promise(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0,
            "there are descriptors");
    const unique_fd mine{ends[0]};
    now_ = {};
    output_.clear();
    loop_.run([&] {
      auto link = std::make_shared<corked>(
          loop_.at(), corked::parts{.socket = unique_fd{ends[1]}, .wire = plain_wire()}, outbox_bounds{}, counters_);
      auto made = http_connection::make(std::move(link), *this, limits_, *this);
      connections_.emplace(made.get(), made);
      made->start();
    });
    send(mine.get(), first);
    std::minstd_rand random{seed};
    while (!bytes.empty()) {
      const auto size =
          seed == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 1 + random() % (random() % 4 == 0 ? 200 : 9));
      if (!send(mine.get(), bytes.substr(0, size))) break;
      bytes.remove_prefix(size);
    }
    ::shutdown(mine.get(), SHUT_WR);
    pollfd waiting{mine.get(), POLLIN, 0};
    while (!drain(mine.get())) promise(::poll(&waiting, 1, patience_ms_) == 1, "a client that left is let go");
    promise(loop_.eventually([&] {
      return counters_->connections == 0 && connections_.empty() && (socket_ == nullptr || now_.code >= 0);
    }),
            "a connection ends with its client");
    loop_.run([&] { socket_.reset(); });
    read_answers();
    return now_;
  }

 private:
  /// One client's WebSocket.
  struct ears final : transport_events {
    explicit ears(played& into) : now{into} {}
    void on_message(frame_kind kind, std::string_view bytes) override {
      promise(bytes.size() <= message_bytes_max, "a message is bounded");
      promise(kind == frame_kind::binary || is_utf8(bytes), "text is UTF-8");
      promise(now.code < 0, "nothing is heard after the end");
      now.messages.push_back((kind == frame_kind::text ? 't' : 'b') + std::string{bytes});
    }
    void on_pong(std::uint64_t) override {}
    void on_drained() override {}
    frame on_gap(const gap&) override { return nullptr; }
    void on_closed(const close_info& how) override {
      promise(now.code < 0, "a WebSocket ends once");
      now.code = how.code;
    }
    played& now;
    transport_ptr wire;
  };

  edge_host() {
    limits_.request_line_bytes_max = 256;
    limits_.header_bytes_max = 1'024;
    limits_.fields_max = 12;
    limits_.body_bytes_max = 2'048;
  }

  static bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
      const auto at = [&](std::size_t k) { return k < text.size() ? static_cast<unsigned char>(text[k]) : 0U; };
      const auto lead = at(i);
      const std::size_t size = lead < 0x80                   ? 1
                               : lead >= 0xc2 && lead < 0xe0 ? 2
                               : lead >= 0xe0 && lead < 0xf0 ? 3
                               : lead >= 0xf0 && lead < 0xf5 ? 4
                                                             : 0;
      if (size == 0) return false;
      for (std::size_t k = 1; k < size; ++k)
        if ((at(i + k) & 0xc0) != 0x80) return false;
      const auto second = at(i + 1);
      if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) || (lead == 0xf0 && second < 0x90) ||
          (lead == 0xf4 && second > 0x8f))
        return false;
      i += size;
    }
    return true;
  }

  /// And waits until the connection has read it. False: it reads no more.
  bool send(int socket, std::string_view bytes) {
    while (!bytes.empty()) {
      const auto put = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put < 0 && errno != EAGAIN) return false;
      if (put > 0) bytes.remove_prefix(static_cast<std::size_t>(put));
      if (drain(socket)) return false;
    }
    for (int unread = 1; unread != 0;) {
      if (drain(socket) || ::ioctl(socket, SIOCOUTQ, &unread) != 0) return false;
      if (unread != 0) loop_.run([] {});
    }
    return true;
  }
  /// True: the node has closed.
  bool drain(int socket) {
    std::array<char, 16'384> block;
    for (;;) {
      const auto got = ::recv(socket, block.data(), block.size(), 0);
      if (got > 0) output_.append(block.data(), static_cast<std::size_t>(got));
      if (got == 0) return true;
      if (got < 0) return errno != EAGAIN && errno != EINTR;
    }
  }
  void read_answers() {
    for (auto at = output_.find("HTTP/1.1 "); at != std::string::npos; at = output_.find("HTTP/1.1 ", at + 1)) {
      if (at != 0 && output_[at - 1] != '\n' && output_[at - 1] != '}') continue;
      auto line = output_.substr(at, 12);
      if (line != "HTTP/1.1 100") now_.answers.push_back(std::move(line));
    }
  }

  void on_request(std::shared_ptr<http_exchange> exchange) override {
    const auto& asked = exchange->request();
    promise(asked.path == "*" || asked.path.starts_with('/'), "a path begins with a slash");
    promise(asked.path.find('\0') == std::string::npos, "a path has no NUL");
    promise(asked.body.size() <= limits_.body_bytes_max && asked.fields.size() <= limits_.fields_max,
            "a request is bounded");
    for (const auto& each : asked.fields)
      promise(each.value.find_first_of(std::string_view{"\0\r\n", 3}) == std::string::npos, "a field is one line");
    now_.requests.push_back(asked.method + ' ' + asked.path + '?' + asked.query + '[' + asked.body + ']');
    exchange->respond(http_error(404, "nothing"));
  }
  std::variant<http_response, upgrade> on_upgrade(const http_request& asked) override {
    promise(asked.method == "GET" && asked.body.empty(), "a handshake is a GET");
    now_.requests.push_back("UPGRADE " + asked.path);
    websocket_options how;
    how.message_bytes_max = message_bytes_max;
    how.fragments_max = fragments_max;
    how.deflate_window_bits = 12;
    return upgrade{{}, how, [this](transport_ptr wire) {
                     socket_ = std::make_unique<ears>(now_);
                     socket_->wire = std::move(wire);
                     return socket_.get();
                   }};
  }
  void on_done(const http_access&) override {}
  void on_gone(http_connection& which) override { connections_.erase(&which); }
  void on_move(std::size_t, moved_connection_ptr) override {}
  std::string_view secure_fields() const override { return {}; }
  const proxy_rules& proxies() const override { return rules_; }

  const int patience_ms_ = static_cast<int>(std::chrono::milliseconds{tests::patience()}.count());
  tests::shard_loop loop_;
  http_limits limits_;
  proxy_rules rules_;
  std::shared_ptr<connection_counters> counters_ = std::make_shared<connection_counters>();
  std::unordered_map<http_connection*, std::shared_ptr<http_connection>> connections_;
  std::unique_ptr<ears> socket_;
  played now_;
  std::string output_;
};

/// Both are the same; else the input is shown.
inline void compare(const played& whole, const played& pieces, std::string_view input) {
  if (whole == pieces) return;
  std::fprintf(stderr, "requests %zu %zu, answers %zu %zu, messages %zu %zu, codes %d %d, input ",
               whole.requests.size(), pieces.requests.size(), whole.answers.size(), pieces.answers.size(),
               whole.messages.size(), pieces.messages.size(), whole.code, pieces.code);
  for (const char c : input) std::fprintf(stderr, "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
  std::fputc('\n', stderr);
  promise(false, "what a connection hears does not depend on the pieces in which it comes");
}

/// A client's bytes from its first one on: requests, one after the other.
inline void http_request(std::string_view input) {
  auto& host = edge_host::shared();
  compare(host.play({}, input, 0), host.play({}, input, 1 + static_cast<std::uint32_t>(input.size())), input);
}

/// A client's frames; where the first byte is odd, compression was agreed on.
inline void websocket_frames(std::string_view input) {
  if (input.empty()) return;
  auto& host = edge_host::shared();
  const auto hello =
      tests::ws::handshake("/ws", input[0] % 2 != 0 ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
  const auto frames = input.substr(1);
  const auto whole = host.play(hello, frames, 0);
  promise(whole.requests == std::vector<std::string>{"UPGRADE /ws"}, "the handshake is one");
  promise(whole.code >= 1000, "a WebSocket's end has a code");
  compare(whole, host.play(hello, frames, 1 + static_cast<std::uint32_t>(input.size())), input);
}

}  // namespace greenroom::runtime::fuzz
