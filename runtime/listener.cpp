#include "runtime/listener.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "runtime/edge_watch.hpp"
#include "runtime/shard.hpp"
#include "runtime/token_bucket.hpp"

namespace greenroom::runtime {
namespace {

namespace net = boost::asio;

/// What a crowd brings at once: the connections of so much time, so that others are served in between.
constexpr std::uint32_t bursts_per_second = 500;

enum class sharing : std::uint8_t { alone, by_shards };

[[noreturn]] void fail(const listen_address& where, const char* what) {
  throw std::system_error{errno, std::generic_category(), "cannot " + std::string{what} + ' ' + where.text()};
}

void set_option(int socket, int level, int name) {
  constexpr int on = 1;
  ::setsockopt(socket, level, name, &on, sizeof on);
}

unique_fd bind_to(const listen_address& where, sharing how) {
  sockaddr_storage address{};
  socklen_t size = 0;
  if (!to_sockaddr(where, address, size)) {
    errno = EINVAL;
    fail(where, "understand the address");
  }
  unique_fd socket{::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket) fail(where, "make a socket for");
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR);  // a restart need not wait for old connections' TIME_WAIT
  if (how == sharing::by_shards) set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT);
  if (address.ss_family == AF_INET6) set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) fail(where, "listen on");
  return socket;
}

/// Short of something that others will give back, rather than about this one connection.
bool is_shortage(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

unique_fd open_reserve() { return unique_fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)}; }

/// Says it and lets the client read it: a close with unread input would reset the connection, and take the text back.
void say_farewell(int client, const std::string& text) {
  if (text.empty()) return;
  [[maybe_unused]] const auto put = ::send(client, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(client, SHUT_WR);
  std::array<char, 4'096> unread;
  [[maybe_unused]] const auto got = ::recv(client, unread.data(), unread.size(), MSG_DONTWAIT);
}

}  // namespace

listen_address probe(const listen_address& wanted) {
  const auto socket = bind_to(wanted, sharing::alone);
  if (::listen(socket.get(), 1) != 0) fail(wanted, "listen on");  // two may bind with SO_REUSEADDR; only one may listen
  const auto got = listen_address::parse(local_of(socket.get()).text);
  return {wanted.host, got ? got->port : wanted.port, wanted.tls};
}

struct listener::state final : std::enable_shared_from_this<listener::state>, timer, turn_hook {
  state(shard& home, unique_fd bound, accept_function on_accept, listener_options options)
      : home{home},
        options{std::move(options)},
        pace{this->options.accepts_per_second, std::max(1U, this->options.accepts_per_second / bursts_per_second)},
        on_accept{std::move(on_accept)},
        socket{home.io().get_executor(), bound.release()} {}

  void wait() {
    socket.async_wait(net::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](boost::system::error_code ec) {
                        if (!ec && self->open) self->accept();
                      });
  }

  void accept() {
    for (std::uint32_t taken = 0; open && taken != options.accepts_per_wake; ++taken) {
      if (const auto wait = accepted.take(pace, 1, home.now()); wait.count() != 0) {
        ++stats.held;
        return home.timers().arm(*this, home.now() + wait);
      }
      unique_fd client{::accept4(socket.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
      if (client) {
        set_option(client.get(), IPPROTO_TCP, TCP_NODELAY);
        ++stats.accepted;
        on_accept(std::move(client));
        continue;
      }
      accepted.give_back(pace, 1);
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (is_shortage(errno)) {
        turn_away(options.accepts_per_wake - taken);
        ++stats.rests;
        return home.timers().arm(*this, home.now() + std::chrono::milliseconds{options.retry_ms});
      }  // else: that client left before it was accepted
    }
    if (open) home.at_turn_end(*this);  // not sooner: who is there already is served between two portions
  }

  /// The reserve makes room for one at a time. Another thread may take that room first: then there is nothing to do.
  void turn_away(std::uint32_t most) {
    for (; most != 0; --most) {
      if (!reserve) reserve = open_reserve();
      if (!reserve) return;
      reserve.reset();
      const unique_fd client{::accept4(socket.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
      if (!client) break;
      if (options.farewell) say_farewell(client.get(), options.farewell());
      ++stats.turned_away;
      edge::count(edge::reason::no_descriptors, peer_of(client.get()).text);
    }
    reserve = open_reserve();
  }

  void on_timer() override { accept(); }
  void on_turn_end() override {
    if (open) wait();
  }

  void close() {
    open = false;
    cancel();
    boost::system::error_code ignored;
    socket.close(ignored);
  }

  shard& home;
  listener_options options;
  token_rate pace;
  accept_function on_accept;
  net::posix::basic_stream_descriptor<net::io_context::executor_type> socket;
  listener_stats stats;
  unique_fd reserve = open_reserve();  ///< Closed for the moment in which a client is turned away.
  token_bucket accepted;
  bool open = true;
};

listener::listener(shard& home, const listen_address& where, accept_function on_accept, listener_options options)
    : listener{home, bind_to(where, sharing::by_shards), std::move(on_accept), std::move(options)} {}

listener::listener(shard& home, unique_fd bound, accept_function on_accept, listener_options options)
    : state_{std::make_shared<state>(home, std::move(bound), std::move(on_accept), std::move(options))} {
  if (::listen(state_->socket.native_handle(), state_->options.backlog) != 0) {
    throw std::system_error{errno, std::generic_category(), "cannot listen"};
  }
  state_->wait();
}

listener::~listener() { close(); }

void listener::close() {
  if (state_->open) state_->close();
}

const listener_stats& listener::stats() const noexcept { return state_->stats; }

}  // namespace greenroom::runtime
