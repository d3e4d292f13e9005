#include "actors/phoenix_poll.hpp"

#include <array>
#include <charconv>

#include "codecs/base64.hpp"
#include "codecs/close_code.hpp"
#include "codecs/json_writer.hpp"
#include "codecs/phoenix_frames.hpp"
#include "codecs/utf8.hpp"
#include "codecs/websocket_frame.hpp"
#include "runtime/control_frame.hpp"

namespace greenroom {
namespace {

// What stands in `status` of an answer; phoenix.js looks at nothing else.
constexpr unsigned ok = 200, nothing_new = 204, bad_body = 400, gone = 410, too_many = 429;

constexpr std::uint8_t opcode_bits = 0x0f, text_opcode = 0x1, binary_opcode = 0x2;
constexpr std::uint8_t ping_opcode = static_cast<std::uint8_t>(runtime::ping_byte) & opcode_bits;

}  // namespace

phoenix_poll::phoenix_poll(runtime::shard& home, std::string peer, settings how)
    : home_{home}, peer_{std::move(peer)}, how_{std::move(how)}, out_{how_.outbox, *this, stats_} {}

phoenix_poll::~phoenix_poll() = default;

void phoenix_poll::begin() { arm(); }

// --- in

void phoenix_poll::poll(exchange_ptr what) {
  if (over_) return answer(what, gone);
  if (waiting_) answer(waiting_, nothing_new);
  waiting_ = std::move(what);
  arm();
  if (events_ && pings_left_ != 0) events_->on_pong(std::exchange(pings_left_, 0));
  if (!out_.empty() || closing_) home_.at_turn_end(*this);
}

void phoenix_poll::take(exchange_ptr what) {
  if (over_ || closing_) return answer(what, gone);
  if (held_) return answer(what, too_many);
  const auto& request = what->request();
  std::string_view body = request.body;
  const bool batch = request.header("Content-Type").starts_with("application/x-ndjson");
  while (!body.empty() && !closing_) {
    const auto end = batch ? std::min(body.find('\n'), body.size()) : body.size();
    auto line = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    if (batch && line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const bool is_text = !batch || line.front() == '[';
    if (!say(line, is_text)) return answer(what, bad_body);
  }
  if (paused_)
    held_ = std::move(what);
  else
    answer(what, ok);
}

/// One message. A line of a batch that is no JSON array is a binary one as base64.
bool phoenix_poll::say(std::string_view line, bool is_text) {
  if (!events_) return true;
  const auto refuse = [this](const codecs::close_code& why) {
    close(why.code, why.reason, runtime::unsent::flush);
    return false;
  };
  std::optional<std::string> decoded;
  if (!is_text && !(decoded = codecs::from_base64(line))) return refuse(codecs::close_codes::wrong_data);
  const auto bytes = decoded ? std::string_view{*decoded} : line;
  if (bytes.size() > how_.message_bytes_max) return refuse(codecs::close_codes::too_big);
  if (is_text && !codecs::is_utf8(bytes)) return refuse(codecs::close_codes::bad_utf8);
  events_->on_message(is_text ? runtime::frame_kind::text : runtime::frame_kind::binary, bytes);
  return true;
}

void phoenix_poll::resume_reading() {
  paused_ = false;
  if (held_) answer(held_, ok);
}

// --- out

void phoenix_poll::on_turn_end() {
  if (over_) return;
  const auto self = shared_from_this();
  if (out_.overflowed() && !closing_)
    close(runtime::close_code::try_later, codecs::close_codes::slow_consumer.reason, runtime::unsent::drop);
  answer_poll();
  if (closing_ && out_.empty()) return end();
  if (events_ && out_.take_drained()) events_->on_drained();
}

void phoenix_poll::answer_poll() {
  if (!waiting_ || out_.empty()) return;
  std::size_t written = 0;
  const auto said = messages(written);
  if (written == 0 && !closing_) return;  // pings only
  answer(waiting_, written == 0 ? gone : ok, said);
  arm();
}

std::string phoenix_poll::messages(std::size_t& written) {
  constexpr std::size_t pieces_max = 64;
  std::array<iovec, pieces_max> pieces;
  std::string all;
  codecs::json_writer w{all};
  w.begin_array(0);
  while (all.size() < answer_bytes_max) {
    const auto count = out_.gather(pieces);
    if (count == 0) break;
    std::size_t taken = 0;
    for (std::size_t i = 0; i != count && all.size() < answer_bytes_max; ++i) {
      std::string_view frames{static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len};
      taken += frames.size();
      while (!frames.empty()) {
        const auto one = codecs::take_frame(frames);
        const auto opcode = static_cast<std::uint8_t>(one.first & opcode_bits);
        if (opcode == ping_opcode) std::from_chars(one.body.data(), one.body.data() + one.body.size(), pings_left_);
        if (opcode != text_opcode && opcode != binary_opcode) continue;
        ++written;
        w.item();
        opcode == text_opcode ? w.text(one.body) : w.text(codecs::phoenix::text_of(one.body));
      }
    }
    out_.consume(taken);
  }
  w.end_array();
  return all;
}

void phoenix_poll::answer(exchange_ptr& whom, unsigned status, std::string_view messages) {
  std::string json;
  codecs::json_writer w{json};
  w.begin_object();
  w.key("status"), w.natural(status);
  if (whom->request().method == "GET") {
    w.key("token"), w.text(how_.token);
    w.key("messages"), w.raw(messages.empty() ? "[]" : messages);
  }
  w.end_object();
  how_.answer(std::exchange(whom, nullptr), std::move(json));
}

std::uint64_t phoenix_poll::ping_in_order() {
  out_.push_reply(runtime::ping_frame(++pings_));
  return pings_;
}

// --- the end

void phoenix_poll::on_timer() {
  const auto self = shared_from_this();
  if (waiting_) {
    answer(waiting_, nothing_new);
    return arm();
  }
  if (!closing_) closing_ = runtime::close_info{};
  end();
}

void phoenix_poll::close(std::uint16_t code, std::string_view reason, runtime::unsent rest) {
  if (over_ || closing_) return;
  closing_ = runtime::close_info{code, std::string{reason}, true};
  auto last = runtime::close_frame(code, reason);
  rest == runtime::unsent::drop ? out_.cut(std::move(last)) : out_.finish(std::move(last));
}

void phoenix_poll::abort() {
  if (over_) return;
  if (!closing_) closing_ = runtime::close_info{};
  out_.clear();
  home_.at_turn_end(*this);
}

void phoenix_poll::detach() noexcept {
  events_ = nullptr;
  if (!closing_) abort();
}

void phoenix_poll::end() {
  if (std::exchange(over_, true)) return;
  cancel();
  out_.clear();
  if (waiting_) answer(waiting_, gone);
  if (held_) answer(held_, gone);
  if (when_over_) std::exchange(when_over_, nullptr)();
  if (events_) std::exchange(events_, nullptr)->on_closed(*closing_);
}

}  // namespace greenroom
