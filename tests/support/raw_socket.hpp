// RAW_SOCKET is a blocking client socket with time-outs: it sends what no client library would, byte by byte.
//
//   raw_socket s{"127.0.0.1:8080"};
//   s.send("GET / HT"); s.send("TP/1.1\r\n\r\n");
//   s.read_until("\r\n\r\n");  s.read(5);  s.read_to_end();   all fail (return what came) after five seconds
//
// ws:: builds and takes apart WebSocket frames (RFC 6455, 5.2).
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "runtime/address.hpp"
#include "runtime/unique_fd.hpp"
#include "tests/support/patience.hpp"

namespace greenroom::tests {

class raw_socket {
 public:
  using clock = std::chrono::steady_clock;
  static inline const std::chrono::seconds patience = tests::patience();

  /// `receive_buffer`: bytes that the kernel may keep for us unread; 0: its default.
  explicit raw_socket(std::string_view address, int receive_buffer = 0) {
    const auto where = runtime::listen_address::parse(address);
    sockaddr_storage to{};
    socklen_t size = 0;
    if (!where || !runtime::to_sockaddr(*where, to, size)) throw std::invalid_argument{std::string{address}};
    fd_.reset(::socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (receive_buffer != 0) ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), size) != 0)
      throw std::system_error{errno, std::generic_category(), "connect"};
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      pollfd waiting{fd_.get(), POLLOUT, 0};
      if (::poll(&waiting, 1, milliseconds(patience)) != 1) return false;
      const auto put = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
  }

  /// Bytes up to and with `mark`.
  std::string read_until(std::string_view mark) {
    while (buffer_.find(mark) == std::string::npos && fill(patience)) {
    }
    const auto found = buffer_.find(mark);
    return take(found == std::string::npos ? buffer_.size() : found + mark.size());
  }
  std::string read(std::size_t size) {
    while (buffer_.size() < size && fill(patience)) {
    }
    return take(std::min(size, buffer_.size()));
  }
  std::string read_to_end() {
    while (fill(patience)) {
    }
    return take(buffer_.size());
  }
  /// Whatever comes within that time.
  std::string read_for(std::chrono::milliseconds time) {
    const auto deadline = clock::now() + time;
    while (clock::now() < deadline && fill(std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now()))) {
    }
    return take(buffer_.size());
  }
  /// Whether the other side closed: nothing is left to read.
  bool at_end() {
    while (fill(patience)) {
    }
    return ended_;
  }
  bool ended() const noexcept { return ended_; }
  bool was_reset() const noexcept { return reset_; }

  void finish() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }
  void close_with_reset() {
    const linger now{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd_.reset();
  }
  int native_handle() const noexcept { return fd_.get(); }

 private:
  static int milliseconds(std::chrono::milliseconds time) { return static_cast<int>(time.count()); }
  std::string take(std::size_t size) {
    auto taken = buffer_.substr(0, size);
    buffer_.substr(size).swap(buffer_);  // keeps no capacity: tests count the heap
    return taken;
  }
  bool fill(std::chrono::milliseconds time) {
    if (ended_) return false;
    pollfd waiting{fd_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, milliseconds(time)) != 1) return false;
    std::array<char, 65'536> block;
    const auto got = ::recv(fd_.get(), block.data(), block.size(), 0);
    if (got <= 0) {
      ended_ = true;
      reset_ = got < 0;
      return false;
    }
    buffer_.append(block.data(), static_cast<std::size_t>(got));
    return true;
  }

  runtime::unique_fd fd_;
  std::string buffer_;
  bool ended_ = false, reset_ = false;
};

namespace ws {

enum opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

inline constexpr std::string_view mask = "\x12\x34\x56\x78";

/// A frame's payload length as the shortest form has it.
inline std::string length(std::size_t size, bool masked) {
  const char bit = masked ? '\x80' : '\0';
  std::string bytes;
  const auto put = [&](int count) {
    for (int shift = 8 * (count - 1); shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift & 0xff);
  };
  if (size < 126) return bytes += static_cast<char>(bit | static_cast<char>(size));
  bytes += static_cast<char>(bit | (size < 65'536 ? 126 : 127));
  put(size < 65'536 ? 2 : 8);
  return bytes;
}

inline std::string masked(std::string_view payload) {
  std::string bytes{payload};
  for (std::size_t i = 0; i != bytes.size(); ++i) bytes[i] = static_cast<char>(bytes[i] ^ mask[i % mask.size()]);
  return bytes;
}

/// What a client sends. `first` overrides the first byte.
inline std::string frame(opcode op, std::string_view payload, bool fin = true) {
  std::string bytes{static_cast<char>((fin ? 0x80 : 0) | op)};
  bytes += length(payload.size(), true);
  bytes += mask;
  return bytes += masked(payload);
}

inline std::string close_payload(std::uint16_t code, std::string_view reason = {}) {
  std::string bytes{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  return bytes += reason;
}

inline std::string handshake(std::string_view path = "/ws", std::string_view more = {}) {
  return "GET " + std::string{path} +
         " HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
         std::string{more} + "\r\n";
}

/// A frame that a server sent.
struct received {
  bool fin = false;
  opcode op{};
  std::string payload;
  std::uint16_t code() const {
    return payload.size() < 2 ? std::uint16_t{1005}
                              : static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                                           static_cast<unsigned char>(payload[1]));
  }
  std::string reason() const { return payload.size() < 2 ? std::string{} : payload.substr(2); }
};

/// `from`: a raw_socket, or another with its interface.
template <class Socket>
std::optional<received> read_frame(Socket& from) {
  const auto head = from.read(2);
  if (head.size() != 2) return std::nullopt;
  const auto byte = [](char c) { return static_cast<std::size_t>(static_cast<unsigned char>(c)); };
  received got{(byte(head[0]) & 0x80) != 0, static_cast<opcode>(byte(head[0]) & 0x0f), {}};
  auto size = byte(head[1]);
  if (size >= 126) {
    const auto more = from.read(size == 126 ? 2 : 8);
    size = 0;
    for (const char c : more) size = size << 8 | byte(c);
  }
  got.payload = from.read(size);
  if (got.payload.size() != size) return std::nullopt;
  return got;
}

}  // namespace ws
}  // namespace greenroom::tests
