#include "runtime/local_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <unordered_map>

#include "runtime/corked_impl.hpp"
#include "runtime/listener.hpp"

namespace greenroom::runtime {
namespace {

constexpr mode_t owner_only = 0600;
constexpr std::chrono::seconds goodbye{5};

[[noreturn]] void fail(int error, const std::string& path) {
  throw std::system_error{error, std::generic_category(), path};
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  if (path.empty() || path.size() >= sizeof address.sun_path) fail(ENAMETOOLONG, path);
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

unique_fd make_socket(const std::string& path, int flags) {
  unique_fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)};
  if (!socket) fail(errno, path);
  return socket;
}

/// 0, or the errno that says why nobody is reached there.
int connect_to(int socket, const std::string& path) {
  const auto address = address_of(path);
  return ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

unique_fd bind_to(const std::string& path) {
  const auto address = address_of(path);
  const auto reached = connect_to(make_socket(path, 0).get(), path);
  if (reached == 0) fail(EADDRINUSE, path);
  if (reached == ECONNREFUSED) ::unlink(path.c_str());  // a dead node's
  auto socket = make_socket(path, SOCK_NONBLOCK);
  ::fchmod(socket.get(), owner_only);  // Linux gives it to the file that bind makes: no moment with other rights
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail(errno, path);
  return socket;
}

class connection;
using connections = std::unordered_map<connection*, std::shared_ptr<connection>>;

class connection final : public local_peer, public std::enable_shared_from_this<connection>, private corked_user {
 public:
  connection(std::shared_ptr<corked> link, const local_socket::line_function& on_line, std::uint32_t line_bytes_max)
      : link_{std::move(link)}, on_line_{on_line}, line_bytes_max_{line_bytes_max} {
    link_->set_user(this);
    ucred known{};
    socklen_t size = sizeof known;
    if (::getsockopt(link_->native_handle(), SOL_SOCKET, SO_PEERCRED, &known, &size) != 0) return;
    user_ = known.uid;
    process_ = known.pid;
  }
  ~connection() override { link_->set_user(nullptr); }

  void start(connections& among) {
    among_ = &among;
    among.emplace(this, shared_from_this());
    read();
  }
  void send_line(std::string_view line) override {
    auto bytes = std::make_shared<std::string>(line);
    bytes->push_back('\n');
    link_->out().push_reply(std::move(bytes));
  }
  void close() override {
    if (!among_) return;
    link_->end(goodbye);
    forget();
  }
  std::int64_t user() const override { return user_; }
  std::int64_t process() const override { return process_; }
  void abort() {
    among_ = nullptr;
    link_->abort();
  }

 private:
  frame on_gap(const gap&) override { return nullptr; }
  void on_drained() override {}
  void on_overflow() override { on_broken(); }
  void on_deadline() override {}
  void on_broken() override {
    link_->abort();
    forget();
  }

  void read() {
    link_->read_ahead([self = shared_from_this()](error_code ec) {
      if (!self->among_) return;
      ec ? self->close() : self->take_lines();
    });
  }
  void take_lines() {
    for (auto end = link_->input().find('\n'); end != std::string_view::npos; end = link_->input().find('\n')) {
      const std::string line{link_->input().substr(0, end)};
      link_->take(end + 1);
      if (line.size() > line_bytes_max_) return close();
      on_line_(shared_from_this(), line);
      if (!among_) return;
    }
    if (link_->input().size() > line_bytes_max_) return close();
    read();
  }
  void forget() {
    if (auto* among = std::exchange(among_, nullptr)) among->erase(this);
  }

  std::shared_ptr<corked> link_;
  const local_socket::line_function& on_line_;
  std::uint32_t line_bytes_max_;
  std::int64_t user_ = -1, process_ = -1;
  connections* among_ = nullptr;  ///< Null once it ended.
};

/// Waits until the socket can be read, or throws.
void await_input(int socket, const std::string& path, std::chrono::milliseconds timeout) {
  pollfd waiting{socket, POLLIN, 0};
  const auto ready = ::poll(&waiting, 1, static_cast<int>(timeout.count()));
  if (ready < 0 && errno != EINTR) fail(errno, path);
  if (ready == 0) fail(ETIMEDOUT, path);
}

void write_all(int socket, const std::string& path, std::string_view text) {
  while (!text.empty()) {
    const auto put = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (put < 0 && errno != EINTR) fail(errno, path);
    text.remove_prefix(put < 0 ? 0 : static_cast<std::size_t>(put));
  }
}

}  // namespace

struct local_socket::state {
  state(shard& home, std::string path, line_function on_line, local_socket_options options)
      : home{home},
        path{std::move(path)},
        on_line{std::move(on_line)},
        options{options},
        accepting{home, bind_to(this->path), [this](unique_fd socket) { on_socket(std::move(socket)); }} {}
  ~state() {
    for (auto& [_, peer] : open) peer->abort();
    ::unlink(path.c_str());
  }

  void on_socket(unique_fd socket) {
    if (open.size() >= options.peers_max) return;
    auto link = std::make_shared<corked>(home, std::move(socket), outbox_bounds{}, counters);
    std::make_shared<connection>(std::move(link), on_line, options.line_bytes_max)->start(open);
  }

  shard& home;
  std::string path;
  line_function on_line;
  local_socket_options options;
  std::shared_ptr<connection_counters> counters = std::make_shared<connection_counters>();
  connections open;
  listener accepting;
};

local_socket::local_socket(shard& home, std::string path, line_function on_line, local_socket_options options)
    : state_{std::make_unique<state>(home, std::move(path), std::move(on_line), options)} {}

local_socket::~local_socket() = default;

void local_call(const std::string& path, std::string_view line, const std::function<bool(std::string_view)>& on_line,
                std::chrono::milliseconds timeout) {
  const auto socket = make_socket(path, 0);
  if (const auto error = connect_to(socket.get(), path); error != 0) fail(error, path);
  write_all(socket.get(), path, std::string{line} + '\n');
  std::string input;
  for (std::array<char, 4'096> block;;) {
    await_input(socket.get(), path, timeout);
    const auto got = ::recv(socket.get(), block.data(), block.size(), MSG_DONTWAIT);
    if (got == 0) return;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) fail(errno, path);
    input.append(block.data(), static_cast<std::size_t>(got));
    std::size_t begin = 0;
    for (auto end = input.find('\n'); end != std::string::npos; end = input.find('\n', begin)) {
      if (!on_line(std::string_view{input}.substr(begin, end - begin))) return;
      begin = end + 1;
    }
    input.erase(0, begin);
  }
}

}  // namespace greenroom::runtime
