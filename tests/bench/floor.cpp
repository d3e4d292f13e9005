// greenroom_floor FRAME_BYTES REPLY_BYTES: the least that the benchmarks' work needs, on one thread and one epoll. It
// accepts, answers WebSocket handshakes, parses frames and writes frames of the given lengths, and does nothing else: no
// JSON, no session, no order, no history, no bound. A figure of Greenroom's is read beside this one's.
//
// A connection's path is its part: a frame that comes on /publish begins with the number of a room and goes to every
// /member/ROOM, in one write a member for all that one read brought, and is answered; what comes on /echo is answered.
// Prints "ready 127.0.0.1:PORT".
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t read_bytes = 64U << 10;
constexpr int events_max = 512;

enum class part { none, member, publisher, echo };

struct connection {
  int fd;
  part is = part::none;
  std::size_t room = 0;
  std::string in, out;
};

int poller;
std::string frame, reply;                       // ready-made
std::vector<std::vector<connection*>> members;  // of each room

/// A text frame of that length in all.
std::string frame_of(std::size_t bytes) {
  constexpr std::size_t short_max = 127, short_head = 2, head = 4;
  if (bytes <= short_max)
    return std::string{'\x81', static_cast<char>(bytes - short_head)} + std::string(bytes - short_head, 'x');
  const auto length = bytes - head;
  return std::string{'\x81', '\x7e', static_cast<char>(length >> 8), static_cast<char>(length & 0xff)} +
         std::string(length, 'x');
}

void watch(connection& c) {
  epoll_event event{.events = EPOLLIN | (c.out.empty() ? 0U : EPOLLOUT), .data = {.ptr = &c}};
  epoll_ctl(poller, EPOLL_CTL_MOD, c.fd, &event);
}

void write(connection& c, std::string_view bytes) {
  if (!c.out.empty()) return void(c.out.append(bytes));
  const auto sent = ::send(c.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  const auto gone = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
  if (gone == bytes.size()) return;
  c.out = bytes.substr(gone);
  watch(c);
}

std::string accept_key(std::string_view request) {
  constexpr std::string_view field = "Sec-WebSocket-Key: ", guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const auto start = request.find(field) + field.size();
  const auto key = std::string{request.substr(start, request.find("\r\n", start) - start)}.append(guid);
  std::array<unsigned char, SHA_DIGEST_LENGTH> hash;
  SHA1(reinterpret_cast<const unsigned char*>(key.data()), key.size(), hash.data());
  std::array<unsigned char, 4 * (SHA_DIGEST_LENGTH + 2) / 3 + 1> text;
  const int length = EVP_EncodeBlock(text.data(), hash.data(), hash.size());
  return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(length)};
}

std::size_t number_at(std::string_view text) {
  std::size_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

void join(connection& c, std::size_t room) {
  if (room >= members.size()) members.resize(room + 1);
  members[room].push_back(&c);
  c.room = room;
}

std::size_t take_handshake(connection& c, std::string_view bytes) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == bytes.npos) return 0;
  c.is = bytes.starts_with("GET /member")    ? part::member
         : bytes.starts_with("GET /publish") ? part::publisher
                                             : part::echo;
  if (c.is == part::member) join(c, number_at(bytes.substr(std::string_view{"GET /member/"}.size())));
  write(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
               accept_key(bytes) + "\r\n\r\n");
  return end + 4;
}

/// The length of the masked frame at the start, 0 where it is not whole. Unmasks it, as every server must.
std::size_t take_frame(std::string_view bytes, std::string& unmasked) {
  constexpr std::size_t medium = 126, mask_bytes = 4;
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (bytes.size() < 2) return 0;
  std::size_t length = at(1) & 0x7fU, head = 2;
  if (length == medium) {
    if (bytes.size() < 4) return 0;
    length = static_cast<std::size_t>(at(2) << 8 | at(3));
    head = 4;
  }
  if (bytes.size() < head + mask_bytes + length) return 0;
  unmasked.assign(bytes.substr(head + mask_bytes, length));
  for (std::size_t i = 0; i < length; ++i) unmasked[i] = static_cast<char>(unmasked[i] ^ bytes[head + i % mask_bytes]);
  return head + mask_bytes + length;
}

/// False when the connection ended.
bool on_readable(connection& c) {
  static std::string buffer(read_bytes, '\0'), unmasked, block;
  static std::vector<std::size_t> frames_of;  // of each room, in this read
  static std::vector<std::size_t> touched;
  touched.clear();
  const auto got = ::recv(c.fd, buffer.data(), buffer.size(), 0);
  if (got < 0 && errno == EAGAIN) return true;
  if (got <= 0) return false;
  std::string_view bytes{buffer.data(), static_cast<std::size_t>(got)};
  if (!c.in.empty()) bytes = c.in.append(bytes);
  std::size_t taken = c.is == part::none ? take_handshake(c, bytes) : 0, frames = 0;
  while (c.is != part::none) {
    const auto size = take_frame(bytes.substr(taken), unmasked);
    if (size == 0) break;
    taken += size;
    ++frames;
    if (c.is != part::publisher) continue;
    const auto room = number_at(unmasked);
    if (room >= frames_of.size()) frames_of.resize(room + 1);
    if (frames_of[room]++ == 0) touched.push_back(room);
  }
  c.in = std::string{bytes.substr(taken)};
  if (frames == 0) return true;
  for (const auto room : touched) {
    block.clear();
    for (; frames_of[room] > 0; --frames_of[room]) block += frame;
    if (room < members.size())
      for (auto* member : members[room]) write(*member, block);
  }
  block.clear();
  for (std::size_t i = 0; i < frames; ++i) block += reply;
  write(c, block);
  return true;
}

void on_writable(connection& c) {
  const auto sent = ::send(c.fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
  if (sent > 0) c.out.erase(0, static_cast<std::size_t>(sent));
  if (c.out.empty()) watch(c);
}

void end(connection* c) {
  if (c->is == part::member) std::erase(members[c->room], c);
  ::close(c->fd);
  delete c;
}

void accept_all(int listener) {
  while (true) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = new connection{.fd = fd, .in = {}, .out = {}}}};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
  }
}

int listen_on_loopback() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  constexpr int backlog = 4'096;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, backlog) != 0) std::exit(1);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("ready 127.0.0.1:%u\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return listener;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("greenroom_floor FRAME_BYTES REPLY_BYTES\n", stderr), 64;
  frame = frame_of(static_cast<std::size_t>(std::atoi(argv[1])));
  reply = frame_of(static_cast<std::size_t>(std::atoi(argv[2])));
  std::signal(SIGTERM, [](int) { _exit(0); });
  poller = epoll_create1(EPOLL_CLOEXEC);
  const int listener = listen_on_loopback();
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
  std::array<epoll_event, events_max> events;
  while (true) {
    const int count = epoll_wait(poller, events.data(), events_max, -1);
    for (int i = 0; i < count; ++i) {
      const auto& [what, data] = events[static_cast<std::size_t>(i)];
      auto* c = static_cast<connection*>(data.ptr);
      if (c == nullptr) {
        accept_all(listener);
        continue;
      }
      if ((what & EPOLLOUT) != 0) on_writable(*c);
      if ((what & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !on_readable(*c)) end(c);
    }
  }
}
