#include "runtime/wire.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace greenroom::runtime {
namespace {

class plain final : public wire {
 public:
  wire_result read(int socket, std::span<const iovec> into) override {
    for (;;) {
      const auto got = into.size() == 1 ? ::recv(socket, into[0].iov_base, into[0].iov_len, 0)
                                        : ::readv(socket, into.data(), static_cast<int>(into.size()));
      if (got > 0) return {wire_result::state::moved, static_cast<std::size_t>(got), 0};
      if (got == 0) return {wire_result::state::ended, 0, 0};
      if (errno != EINTR) return refused(wire_result::state::wants_read);
    }
  }

  wire_result write(int socket, std::span<const iovec> from) override {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(from.data());
    message.msg_iovlen = from.size();
    for (;;) {
      // Most writes are one piece, for which the kernel has a shorter way. writev would raise SIGPIPE.
      const auto put = from.size() == 1 ? ::send(socket, from[0].iov_base, from[0].iov_len, MSG_NOSIGNAL)
                                        : ::sendmsg(socket, &message, MSG_NOSIGNAL);
      if (put >= 0) return {wire_result::state::moved, static_cast<std::size_t>(put), 0};
      if (errno != EINTR) return refused(wire_result::state::wants_write);
    }
  }

  wire_result flush(int) override { return {}; }
  wire_result finish(int socket) override {
    ::shutdown(socket, SHUT_WR);
    return {};
  }
  bool holds_input() const noexcept override { return false; }
  bool holds_output() const noexcept override { return false; }
  bool is_secure() const noexcept override { return false; }
  wire_result establish(int) override { return {}; }
  std::string peer_name() const override { return {}; }
  std::string trouble() const override { return {}; }
  void release() noexcept override {}

 private:
  static wire_result refused(wire_result::state blocked) noexcept {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {blocked, 0, 0};
    return {wire_result::state::failed, 0, errno};
  }
};

}  // namespace

wire_ptr plain_wire() noexcept {
  static plain shared;
  return wire_ptr{&shared};
}

}  // namespace greenroom::runtime
