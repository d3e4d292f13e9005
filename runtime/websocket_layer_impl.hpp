/// WEBSOCKET_LAYER is what Beast's stream believes to be its socket. Private to runtime's sources (decision 0007).
///
/// Reading goes through the fragment meter to the corked connection. What Beast writes (the 101, pongs, close frames; never
/// data) goes to its place in the outbox and counts as written.
/// Compressed messages look plain to Beast, whose own inflater would cost an idle connection 13 KB (decision 0025).
/// Lifecycle: part of Beast's stream. Threading: its shard's.
/// Failure: a message of too many fragments ends the read with `too_many_fragments()`.
#pragma once

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/role.hpp>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "runtime/control_frame.hpp"
#include "runtime/corked_impl.hpp"
#include "runtime/deflated_messages.hpp"
#include "runtime/fragment_meter.hpp"
#include "runtime/websocket.hpp"

namespace greenroom::runtime {

inline error_code too_many_fragments() { return make_error_code(boost::system::errc::message_size); }

class websocket_input {
 public:
  virtual void on_input() = 0;

 protected:
  ~websocket_input() = default;
};

struct websocket_layer {
  using executor_type = corked::executor_type;

  websocket_layer(std::shared_ptr<corked> lower, const websocket_options& options)
      : link{std::move(lower)}, meter{options.fragments_max}, close_timeout_ms{options.close_timeout_ms} {}

  executor_type get_executor() noexcept { return link->get_executor(); }

  template <class Buffers, class Handler>
  auto async_read_some(const Buffers& buffers, Handler&& handler) {
    return net::async_initiate<Handler, void(error_code, std::size_t)>(
        [this](auto done, const Buffers& into) {
          if (overrun)
            return net::post(get_executor(),
                             [done = std::move(done)]() mutable { done(too_many_fragments(), std::size_t{0}); });
          link->read_some(
              into, [this, done = std::move(done)](error_code ec, std::size_t size, const Buffers& filled) mutable {
                if (!ec && (size = metered(filled, size)) == 0) ec = too_many_fragments();
                if (const auto loose = meter.take_loose(); loose != 0) link->frames_came(loose);
                if (!ec && user) user->on_input();
                done(ec, size);
              });
        },
        handler, buffers);
  }

  template <class Buffers, class Handler>
  auto async_write_some(const Buffers& buffers, Handler&& handler) {
    return net::async_initiate<Handler, void(error_code, std::size_t)>(
        [this](auto done, const Buffers& from) {
          auto bytes = std::make_shared<const std::string>(boost::beast::buffers_to_string(from));
          const auto size = bytes->size();
          queue(std::move(bytes));
          net::post(get_executor(), [done = std::move(done), size]() mutable { done(error_code{}, size); });
        },
        handler, buffers);
  }

  /// How many of these bytes come before a frame that is one too many: Beast reads them first, and may find worse.
  template <class Buffers>
  std::size_t metered(const Buffers& buffers, std::size_t size) {
    std::size_t good = 0;
    for (auto i = net::buffer_sequence_begin(buffers); i != net::buffer_sequence_end(buffers) && good != size; ++i) {
      const net::mutable_buffer part{*i};
      const std::span bytes{static_cast<char*>(part.data()), std::min(size - good, part.size())};
      const auto before = meter;
      if (overrun || !meter.feed(bytes, deflated.get())) return good + before_overrun(before, bytes);
      good += bytes.size();
    }
    return good;
  }

  /// What `deflated` had to see of the bytes it has seen.
  std::size_t before_overrun(const fragment_meter& before, std::span<char> bytes) {
    if (std::exchange(overrun, true)) return 0;
    meter = before;
    std::size_t good = 0;
    while (meter.feed(bytes.subspan(good, 1), nullptr)) ++good;
    return good;
  }

  std::chrono::milliseconds close_timeout() const noexcept { return std::chrono::milliseconds{close_timeout_ms}; }

  void queue(frame bytes) {
    auto& out = link->out();
    switch (bytes->front()) {
      case close_byte:
        return out.finish(with_close_word(std::move(bytes)));  // no effect after a close frame of our own
      case pong_byte:
        greeted = greeted || out.empty();
        if (greeted) out.push_pong(std::move(bytes));
        return;
      default:  // the 101
        out.push_reply(std::move(bytes));
        link->write_now();
        greeted = out.empty();
    }
  }

  std::shared_ptr<corked> link;
  std::unique_ptr<deflated_messages> deflated;  ///< Null without permessage-deflate.
  fragment_meter meter;
  bool greeted = false;  ///< The 101 has left; until then no ping is answered, since a pong would overtake it.
  bool overrun = false;  ///< A frame was one too many: nothing more is read.
  websocket_input* user = nullptr;  ///< Hears that bytes have passed the meter.
  std::uint32_t close_timeout_ms;
};

inline void beast_close_socket(websocket_layer& self) { self.link->abort(); }

/// Beast tears down as soon as its close frame counts as written: here that means queued, so everything must leave
/// first.
template <class Handler>
void async_teardown(boost::beast::role_type, websocket_layer& self, Handler&& handler) {
  auto done = std::make_shared<std::decay_t<Handler>>(std::forward<Handler>(handler));
  self.link->end(self.close_timeout(), [done](error_code ec) { (*done)(ec); });
}

}  // namespace greenroom::runtime
