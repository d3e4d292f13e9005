#include "tests/bench/load_client.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace greenroom::bench {
namespace {

constexpr std::size_t read_bytes = 256U << 10;
constexpr int slow_receive_bytes = 4'096;
constexpr int events_max = 512;

void check(int result, const char* what) {
  if (result < 0) throw std::system_error{errno, std::generic_category(), what};
}

std::string upgrade_request(const entry& how, bool deflate) {
  std::string request = "GET " + how.path +
                        " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  if (const auto asked = subprotocol_of(how.how); !asked.empty())
    request.append("Sec-WebSocket-Protocol: ").append(asked).append("\r\n");
  return request + (deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n" : "\r\n");
}

/// Whether a compressed payload becomes one whole JSON object.
bool inflates(std::string_view payload) {
  std::string in{payload}, out(64U << 10, '\0');
  in.append("\0\0\xff\xff", 4);
  z_stream z{};
  constexpr int raw = -15;
  if (inflateInit2(&z, raw) != Z_OK) throw std::bad_alloc{};
  z.next_in = reinterpret_cast<Bytef*>(in.data());
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const bool whole = inflate(&z, Z_SYNC_FLUSH) == Z_OK && z.avail_in == 0;
  out.resize(out.size() - z.avail_out);
  inflateEnd(&z);
  return whole && out.starts_with('{') && out.ends_with('}');
}

}  // namespace

std::string masked(std::string_view payload, opcode as, bool whole) {
  constexpr std::size_t short_max = 125, medium_max = 0xffff;
  if (payload.size() > medium_max) throw std::length_error{"a frame of the load generator is at most 64 KiB"};
  std::string frame{static_cast<char>((whole ? 0x80 : 0) | static_cast<int>(as))};
  if (payload.size() <= short_max) {
    frame += static_cast<char>(0x80 | payload.size());
  } else {
    frame += '\xfe';
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size() & 0xff);
  }
  frame.append(4, '\0');
  return frame.append(payload);
}

void peer::send(std::string_view frames) {
  if (!out_.empty()) return void(out_.append(frames));
  const auto sent = wire_.send(frames);
  if (sent < 0 && (errno == ECONNRESET || errno == EPIPE)) return;  // the loop will see that it has ended
  if (sent < 0 && errno != EAGAIN) throw std::system_error{errno, std::generic_category(), "send"};
  out_.assign(frames.substr(sent < 0 ? 0 : static_cast<std::size_t>(sent)));
  if (!out_.empty()) watch();
}

void peer::watch() const {
  const auto events = (reads_ ? EPOLLIN : 0U) | (out_.empty() ? 0U : EPOLLOUT);
  epoll_event event{.events = events, .data = {.ptr = const_cast<peer*>(this)}};
  check(epoll_ctl(epoll_, EPOLL_CTL_MOD, wire_.fd(), &event), "epoll_ctl");
}

void peer::stop_reading() {
  reads_ = false;
  setsockopt(wire_.fd(), SOL_SOCKET, SO_RCVBUF, &slow_receive_bytes, sizeof slow_receive_bytes);
  watch();
}

void peer::close() {
  wire_.close();
  state_ = state::closed;
}

load::load(options how)
    : how_{std::move(how)}, tls_{how_.tls ? client_context() : nullptr}, epoll_{epoll_create1(EPOLL_CLOEXEC)} {
  check(epoll_, "epoll_create1");
}

load::~load() {
  peers_.clear();
  ::close(epoll_);
}

peer& load::connect(entry how) {
  auto& made = *peers_.emplace_back(std::make_unique<peer>());
  made.is_ = std::move(how);
  made.epoll_ = epoll_;
  made.wire_ = wire{made.is_.source, made.is_.port != 0 ? made.is_.port : how_.port, tls_.get()};
  epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.ptr = &made}};
  check(epoll_ctl(epoll_, EPOLL_CTL_ADD, made.wire_.fd(), &event), "epoll_ctl");
  return made;
}

bool load::run_until(const std::function<bool()>& done, clock::time_point deadline) {
  while (!done()) {
    if (clock::now() >= deadline) return false;
    turn(deadline);
  }
  return true;
}

void load::must(const char* what, const std::function<bool()>& done, std::chrono::seconds time) {
  if (!run_until(done, clock::now() + time)) throw std::runtime_error{std::string{"not in time: "} + what};
}

void load::turn(clock::time_point until) {
  const auto left = std::max<std::chrono::nanoseconds>(until - clock::now(), std::chrono::nanoseconds{0});
  constexpr std::int64_t second = 1'000'000'000;
  const auto wait = std::min<std::int64_t>(left.count(), second);
  const timespec time{.tv_sec = wait / second, .tv_nsec = wait % second};
  std::array<epoll_event, events_max> events;
  const int count = epoll_pwait2(epoll_, events.data(), events_max, &time, nullptr);
  if (count < 0 && errno != EINTR) check(count, "epoll_pwait2");
  for (int i = 0; i < count; ++i) {
    auto& which = *static_cast<peer*>(events[static_cast<std::size_t>(i)].data.ptr);
    const auto what = events[static_cast<std::size_t>(i)].events;
    if (which.wire_.fd() >= 0 && (what & (EPOLLOUT | EPOLLERR)) != 0) on_writable(which);
    if (which.wire_.fd() >= 0 && (what & (EPOLLIN | EPOLLHUP)) != 0) on_readable(which);
  }
  if (how_.forget_closed && count > 0)
    std::erase_if(peers_, [](const auto& each) { return each->state_ == peer::state::closed; });
}

void load::on_writable(peer& to) {
  if (to.state_ == peer::state::connecting) {
    const int error = to.wire_.connect_error();
    if (error != 0 && how_.tolerate_close) return end(to);
    if (error != 0) throw std::system_error{error, std::generic_category(), "connect"};
    to.state_ = to.wire_.has_tls() ? peer::state::securing : peer::state::upgrading;
    to.watch();
    return upgrade(to);
  }
  if (to.state_ == peer::state::securing) return upgrade(to);
  const auto sent = to.wire_.send(to.out_);
  if (sent < 0 && errno != EAGAIN) return end(to);
  if (sent > 0) to.out_.erase(0, static_cast<std::size_t>(sent));
  if (to.out_.empty()) to.watch();
}

/// Asks for the upgrade once what is below it stands.
void load::upgrade(peer& to) const {
  if (to.state_ == peer::state::securing && !to.wire_.secured()) return;
  to.state_ = peer::state::upgrading;
  to.send(upgrade_request(to.is_, how_.deflate));
}

void load::on_readable(peer& from) {
  static std::string buffer(read_bytes, '\0');
  if (from.state_ == peer::state::securing) {
    upgrade(from);
    if (from.state_ == peer::state::securing) return;
  }
  do {  // what TLS has taken from the socket epoll does not know of
    const auto got = from.wire_.receive(buffer.data(), buffer.size());
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return end(from);
    take_bytes(from, {buffer.data(), static_cast<std::size_t>(got)});
  } while (from.wire_.has_tls());
}

void load::take_bytes(peer& from, std::string_view bytes) {
  if (!from.in_.empty()) bytes = from.in_.append(bytes);
  std::size_t taken = 0;
  if (from.state_ == peer::state::upgrading) {
    if (from.in_.empty()) from.in_ = bytes;
    taken = take_handshake(from);
    if (taken == 0) return;
    bytes = from.in_;
  }
  while (from.wire_.fd() >= 0) {
    const auto size = take_frame(from, bytes.substr(taken));
    if (size == 0) break;
    taken += size;
  }
  from.in_ = std::string{bytes.substr(taken)};
}

std::size_t load::take_handshake(peer& from) {
  const auto end_of_head = from.in_.find("\r\n\r\n");
  if (end_of_head == from.in_.npos) return 0;
  if (!from.in_.starts_with("HTTP/1.1 101")) {
    if (!how_.tolerate_close) throw std::runtime_error{"no upgrade: " + from.in_.substr(0, 80)};
    end(from);
    return 0;
  }
  if (how_.deflate && from.in_.substr(0, end_of_head).find("permessage-deflate") == from.in_.npos)
    throw std::runtime_error{"the server does not compress"};
  from.state_ = peer::state::open;
  if (how_.on_open) how_.on_open(from);
  return end_of_head + 4;
}

std::size_t load::take_frame(peer& from, std::string_view bytes) {
  constexpr std::uint8_t medium = 126, large = 127;
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  if (bytes.size() < 2) return 0;
  std::size_t head = 2, length = at(1) & 0x7f;
  const auto wide = length == medium ? 2U : length == large ? 8U : 0U;
  if (bytes.size() < head + wide) return 0;
  if (wide != 0) length = 0;
  for (std::size_t i = 0; i < wide; ++i) length = length << 8 | at(head + i);
  head += wide;
  if (bytes.size() < head + length) return 0;
  const auto payload = bytes.substr(head, length);
  switch (at(0) & 0x0f) {
    case 8:
      from.close_code_ = length < 2 ? 1'005 : static_cast<std::uint16_t>(at(head) << 8 | at(head + 1));
      end(from);
      break;
    case 9: from.send(masked(payload, opcode::pong)); break;
    case 10:
      if (how_.on_pong) how_.on_pong(from, payload);
      break;
    default:
      from.bytes += head + length;
      if (how_.deflate) check_deflated(from, at(0), payload);
      is_stream(from.is_.how) ? take_stream(from, payload) : take_message(from, payload);
  }
  return head + length;
}

void load::take_stream(peer& from, std::string_view payload) {
  if (!from.stream_.empty()) payload = from.stream_.append(payload);
  std::size_t taken = 0;
  while (from.wire_.fd() >= 0) {
    const auto next = next_message(from.is_.how, payload.substr(taken));
    if (next.bytes == 0) break;
    if (!next.answer.empty()) from.send(next.answer);
    if (next.counts) take_message(from, payload.substr(taken, next.bytes));
    taken += next.bytes;
  }
  from.stream_ = std::string{payload.substr(taken)};
}

void load::take_message(peer& from, std::string_view payload) {
  ++from.frames;
  ++received;
  if (how_.on_frame) how_.on_frame(from, payload);
}

void load::check_deflated(const peer& from, std::uint8_t first, std::string_view payload) const {
  constexpr std::uint64_t every = 1'000;
  constexpr std::uint8_t deflated_bit = 0x40;
  if ((first & deflated_bit) != 0 && from.frames % every == 0 && !inflates(payload))
    throw std::runtime_error{"a compressed frame does not inflate"};
}

void load::end(peer& of) {
  if (!how_.tolerate_close)
    throw std::runtime_error{"the server ended a connection, close code " + std::to_string(of.close_code_)};
  of.close();
  if (how_.on_end) how_.on_end(of);
}

}  // namespace greenroom::bench
