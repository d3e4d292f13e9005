// A client of nats-server's, as small as one figure needs it: https://docs.nats.io/reference/reference-protocols/nats-protocol
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

#include "tests/bench/durable_figures.hpp"
#include "tests/bench/load_client.hpp"
#include "tests/bench/process_meter.hpp"
#include "tests/bench/session.hpp"

namespace greenroom::bench {
namespace {

constexpr std::size_t message_bytes = 256;
constexpr auto warm_up = std::chrono::milliseconds{500}, measuring = std::chrono::milliseconds{5'000};

class nats_client {
 public:
  explicit nats_client(std::uint16_t port) : fd_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd_ < 0 || ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0)
      throw std::system_error{errno, std::generic_category(), "nats-server"};
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    send("CONNECT {\"verbose\":false}\r\nSUB ack.* 1\r\n");
  }
  ~nats_client() { ::close(fd_); }
  nats_client(const nats_client&) = delete;
  nats_client& operator=(const nats_client&) = delete;

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto done = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (done < 0) throw std::system_error{errno, std::generic_category(), "nats-server"};
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
  }
  void publish(std::string_view subject, std::string_view payload) {
    std::string out{"PUB "};
    out.append(subject).append(" ack.1 ").append(std::to_string(payload.size())).append("\r\n").append(payload);
    send(out.append("\r\n"));
  }
  /// The messages that one read brings.
  std::size_t read() {
    std::array<char, 64U << 10> buffer;
    const auto got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got <= 0) throw std::runtime_error{"nats-server has closed the connection"};
    in_.append(buffer.data(), static_cast<std::size_t>(got));
    std::size_t messages = 0;
    for (;;) {
      const auto end = in_.find("\r\n");
      if (end == std::string::npos) return messages;
      if (in_.starts_with("MSG ")) {  // MSG subject sid [reply] bytes
        const auto bytes = std::stoul(in_.substr(in_.rfind(' ', end) + 1, end));
        if (in_.size() < end + 2 + bytes + 2) return messages;
        if (in_.find("\"error\"", end) < end + 2 + bytes) throw std::runtime_error{"nats-server refuses: " + in_};
        in_.erase(0, end + 2 + bytes + 2);
        ++messages;
      } else {
        if (in_.starts_with("PING")) send("PONG\r\n");
        if (in_.starts_with("-ERR")) throw std::runtime_error{in_.substr(0, end)};
        in_.erase(0, end + 2);
      }
    }
  }

 private:
  int fd_;
  std::string in_;
};

}  // namespace

result jetstream_publishes(const target& of, const order& what) {
  nats_client client{of.port};
  client.publish("$JS.API.STREAM.CREATE.BENCH",
                 R"({"name":"BENCH","subjects":["bench"],"storage":"file","max_msgs":1000000})");
  while (client.read() == 0) {
  }
  const std::string payload(message_bytes, 'x');
  for (std::uint32_t i = 0; i < what.in_flight; ++i) client.publish("bench", payload);
  std::uint64_t acked = 0;
  const auto go_on_until = [&](clock::time_point until) {
    while (clock::now() < until) {
      const auto came = client.read();
      acked += came;
      for (std::size_t i = 0; i < came; ++i) client.publish("bench", payload);
    }
  };
  go_on_until(clock::now() + warm_up);
  acked = 0;
  const stopwatch watch{of.process};
  go_on_until(clock::now() + measuring);
  const auto done = static_cast<double>(acked);
  return {{"messages", done},
          {"per_second", done / seconds(watch.elapsed())},
          {"cpu_us_per_message", watch.cpu_us() / done}};
}

}  // namespace greenroom::bench
