#include "codecs/socketio_packet.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "codecs/base64.hpp"
#include "codecs/document.hpp"
#include "codecs/json_writer.hpp"
#include "codecs/msgpack_writer.hpp"
#include "codecs/rpc_writer.hpp"
#include "codecs/transcode.hpp"

namespace greenroom::codecs {
namespace {

constexpr char message_digit = '4';  // of Engine.IO, before every text packet
constexpr std::string_view bytes_key = "$bytes", placeholder_key = "_placeholder";
constexpr std::string_view quoted_bytes_key = "\"$bytes\"";
constexpr std::size_t head_guess = 32, control_guess = 128;
constexpr std::size_t fixed_items_max = 15;

/// From EVENT to BINARY_EVENT, from ACK to BINARY_ACK.
constexpr int to_binary = static_cast<int>(socketio_type::binary_event) - static_cast<int>(socketio_type::event);

char digit_of(socketio_type type) { return static_cast<char>('0' + static_cast<int>(type)); }

bool binary(socketio_type type) { return type == socketio_type::binary_event || type == socketio_type::binary_ack; }

/// Without white space around it.
std::string_view trimmed(std::string_view json) {
  const auto blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!json.empty() && blank(json.front())) json.remove_prefix(1);
  while (!json.empty() && blank(json.back())) json.remove_suffix(1);
  return json;
}

const value* only_member(const value& object, std::string_view key) {
  if (!object.is(kind::object) || object.count != 1) return nullptr;
  const auto [name, what] = *members_of(object).begin();
  return name == key ? &what : nullptr;
}

/// What `{"$bytes": base64}` says.
std::optional<std::string> bytes_of(const value& object) {
  const auto* text = only_member(object, bytes_key);
  return text != nullptr && text->is(kind::text) ? from_base64(text->text()) : std::nullopt;
}

std::size_t array_header_bytes(std::string_view packed) {
  const auto marker = static_cast<unsigned char>(packed.front());
  return marker == 0xdc ? 3 : marker == 0xdd ? 5 : 1;
}

frame_kind frames_of(encoding parser) { return parser == encoding::socketio ? frame_kind::text : frame_kind::binary; }

void begin_text_packet(std::string& out, const socketio_address& to, socketio_type type, std::string_view id) {
  out += digit_of(type);
  if (to.nsp != "/") out.append(to.nsp) += ',';
  out += id;
}

/// The members before `data`, which is the last.
void begin_packed_packet(std::string& out, const socketio_address& to, socketio_type type, std::string_view id,
                         bool with_data) {
  msgpack_writer w{out};
  w.map(2 + (id.empty() ? 0U : 1U) + (with_data ? 1U : 0U));
  w.text("type");
  w.natural(static_cast<std::uint64_t>(type));
  w.text("nsp");
  w.text(to.nsp);
  if (!id.empty()) {
    std::uint64_t number = 0;
    std::from_chars(id.data(), id.data() + id.size(), number);
    w.text("id");
    w.natural(number);
  }
  if (with_data) w.text("data");
}

std::optional<socketio_head> read_text_head(std::string_view packet) {
  if (packet.empty() || packet.front() < '0' || packet.front() > digit_of(socketio_type::binary_ack))
    return std::nullopt;
  socketio_head head{.type = static_cast<socketio_type>(packet.front() - '0'), .nsp = "/", .id = {}, .data = {}};
  packet.remove_prefix(1);
  const auto take_digits = [&packet] {
    const auto end = std::min(packet.find_first_not_of("0123456789"), packet.size());
    const auto digits = packet.substr(0, end);
    packet.remove_prefix(end);
    return digits;
  };
  if (binary(head.type)) {
    const auto digits = take_digits();
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), head.attachments);
    if (parsed.ec != std::errc{} || head.attachments == 0 || head.attachments > socketio_attachments_max)
      return std::nullopt;
    if (!packet.starts_with('-')) return std::nullopt;
    packet.remove_prefix(1);
  }
  if (packet.starts_with('/')) {
    const auto end = std::min(packet.find(','), packet.size());
    head.nsp = packet.substr(0, end);
    packet.remove_prefix(std::min(end + 1, packet.size()));
  }
  head.id = take_digits();
  if (head.id.size() > socketio_ack_digits_max) return std::nullopt;
  head.data = packet;
  return head;
}

/// Walks over MessagePack without a look at what it says: only a packet's `type` and `nsp` are read here.
class packed_walk {
 public:
  explicit packed_walk(std::string_view bytes) : left_{bytes} {}

  /// The members of a map at the front, or nothing.
  std::optional<std::size_t> map() {
    const auto marker = byte();
    if (marker >= 0x80 && marker <= 0x8f) return marker & 0x0f;
    if (marker == 0xde) return number(2);
    return std::nullopt;
  }
  std::optional<std::string_view> text() {
    const auto marker = byte();
    if (marker >= 0xa0 && marker <= 0xbf) return take(marker & 0x1f);
    if (marker == 0xd9) return take(number(1));
    if (marker == 0xda) return take(number(2));
    if (marker == 0xdb) return take(number(4));
    return std::nullopt;
  }
  std::optional<std::uint8_t> small_natural() {
    const auto marker = byte();
    return marker <= 0x7f ? std::optional{static_cast<std::uint8_t>(marker)} : std::nullopt;
  }
  bool skip() {
    for (std::size_t values = 1; values != 0 && good_; --values) values += inner(byte());
    return good_;
  }
  bool good() const noexcept { return good_; }

 private:
  /// Goes over what stands behind that marker; the values that are inside.
  std::size_t inner(unsigned marker) {
    if (marker <= 0x7f || marker >= 0xe0) return 0;
    if (marker <= 0x8f) return 2U * (marker & 0x0fU);
    if (marker <= 0x9f) return marker & 0x0fU;
    if (marker <= 0xbf) return go(marker & 0x1fU);
    if (marker <= 0xc3) return 0;
    if (marker <= 0xc6) return go(number(1U << (marker - 0xc4)));
    if (marker <= 0xc9) return go(number(1U << (marker - 0xc7)) + 1);
    if (marker <= 0xcb) return go(marker == 0xca ? 4 : 8);
    if (marker <= 0xcf) return go(std::size_t{1} << (marker - 0xcc));
    if (marker <= 0xd3) return go(std::size_t{1} << (marker - 0xd0));
    if (marker <= 0xd8) return go((std::size_t{1} << (marker - 0xd4)) + 1);
    if (marker <= 0xdb) return go(number(1U << (marker - 0xd9)));
    const auto items = number(marker % 2 == 0 ? 2 : 4);
    if (items > left_.size()) good_ = false;  // each has a byte at least
    return good_ ? items * (marker >= 0xde ? 2 : 1) : 0;
  }
  std::size_t go(std::size_t bytes) { return take(bytes), 0; }
  std::string_view take(std::size_t bytes) {
    if (bytes > left_.size()) return good_ = false, std::string_view{};
    const auto taken = left_.substr(0, bytes);
    left_.remove_prefix(bytes);
    return taken;
  }
  std::size_t number(std::size_t bytes) {
    std::size_t n = 0;
    for (const char c : take(bytes)) n = n << 8 | static_cast<unsigned char>(c);
    return n;
  }
  unsigned byte() {
    const auto one = take(1);
    return one.empty() ? 0xc1U : static_cast<unsigned char>(one.front());
  }

  std::string_view left_;
  bool good_ = true;
};

std::optional<socketio_head> read_packed_head(std::string_view packet) {
  packed_walk walk{packet};
  const auto members = walk.map();
  if (!members) return std::nullopt;
  std::optional<std::uint8_t> type;
  std::optional<std::string_view> nsp;
  for (std::size_t i = 0; i != *members; ++i) {
    const auto key = walk.text();
    if (!key) return std::nullopt;
    if (*key == "type") {
      if (!(type = walk.small_natural())) return std::nullopt;
    } else if (*key == "nsp") {
      if (!(nsp = walk.text())) return std::nullopt;
    } else if (!walk.skip()) {
      return std::nullopt;
    }
  }
  if (!walk.good() || !type || *type > static_cast<std::uint8_t>(socketio_type::connect_error) || !nsp)
    return std::nullopt;
  return socketio_head{.type = static_cast<socketio_type>(*type), .nsp = *nsp, .id = {}, .data = {}};
}

/// `{code, path?, reason?, trace?, retry_after_ms?}`
void write_error_data(json_writer& w, const error& why) {
  const auto text_if_any = [&w](std::string_view key, std::string_view text) {
    if (!text.empty()) w.key(key), w.text(text);
  };
  w.begin_object();
  w.key("code");
  w.integer(static_cast<std::int32_t>(why.code));
  text_if_any("path", why.path);
  text_if_any("reason", why.reason);
  text_if_any("trace", why.trace);
  if (why.retry_after_ms) w.key("retry_after_ms"), w.natural(*why.retry_after_ms);
  w.end_object();
}

}  // namespace

std::optional<socketio_head> read_socketio_head(encoding parser, std::string_view packet) {
  return parser == encoding::socketio ? read_text_head(packet) : read_packed_head(packet);
}

socketio_packet_writer::socketio_packet_writer(std::string& out, const socketio_address& to, socketio_type type,
                                               std::string_view id, std::size_t guess)
    : out_{out}, as_{to.parser == encoding::socketio ? format::json : format::msgpack} {
  frame_.emplace(out_, frames_of(to.parser), framing::websocket, head_guess + to.nsp.size() + guess);
  if (as_ == format::json) {
    out_ += message_digit;
    type_at_ = out_.size();
    begin_text_packet(out_, to, type, id);
    data_at_ = out_.size();
    out_ += '[';
  } else {
    begin_packed_packet(out_, to, type, id, true);
    data_at_ = out_.size();
    out_ += '\x90';  // end() writes what it is
  }
}

socketio_packet_writer::~socketio_packet_writer() { end(); }

void socketio_packet_writer::end() {
  if (!frame_) return;
  if (as_ == format::json) {
    out_ += ']';
  } else if (count_ <= fixed_items_max) {
    out_[data_at_] = static_cast<char>(0x90 | count_);
  } else {
    std::string header;
    msgpack_writer{header}.begin_array(count_);
    out_.replace(data_at_, 1, header);
  }
  if (!attachments_.empty()) {
    out_[type_at_] = static_cast<char>(out_[type_at_] + to_binary);
    out_.insert(type_at_ + 1, std::to_string(attachments_.size()) + '-');
  }
  frame_.reset();
  for (const auto& bytes : attachments_) {
    const websocket_frame frame{out_, frame_kind::binary, framing::websocket, bytes.size()};
    out_ += bytes;
  }
}

std::size_t socketio_packet_writer::begin() {
  if (as_ == format::json && out_.back() != '[') out_ += ',';
  ++count_;
  return out_.size();
}

void socketio_packet_writer::text(std::string_view utf8) {
  begin();
  as_ == format::json ? json_writer{out_}.text(utf8) : msgpack_writer{out_}.text(utf8);
}

void socketio_packet_writer::null() {
  begin();
  as_ == format::json ? json_writer{out_}.null() : msgpack_writer{out_}.null();
}

void socketio_packet_writer::document(const payload& what) {
  const auto start = begin();
  if (as_ == format::msgpack || what.origin() == format::json) {
    out_ += what.as(as_);
    return settle(start);
  }
  borrowed_document document;
  if (document->read(what.origin(), what.original(), unbounded)) throw std::logic_error{"A payload is no document."};
  put(document->root());
}

void socketio_packet_writer::arguments(const payload& what) {
  if (as_ == format::msgpack) return packed_items(what);
  if (what.origin() == format::json) {
    const auto json = trimmed(what.original());
    if (json == "null") return;
    if (!json.starts_with('[')) return document(what);
    const auto items = trimmed(json.substr(1, json.size() - 2));
    if (items.empty()) return;
    const auto start = begin();
    out_ += items;
    return settle(start, holds::list);
  }
  borrowed_document document;
  if (document->read(what.origin(), what.original(), unbounded)) throw std::logic_error{"A payload is no document."};
  const value& root = document->root();
  if (root.is(kind::null)) return;
  if (!root.is(kind::array)) return begin(), put(root);
  for (const value& item : items_of(root)) begin(), put(item);
}

/// Items stand one after the other: only their number has to be read.
void socketio_packet_writer::packed_items(const payload& what) {
  const auto packed = what.as(format::msgpack);
  const auto marker = static_cast<unsigned char>(packed.front());
  if (marker == 0xc0) return;
  const bool list = (marker >= 0x90 && marker <= 0x9f) || marker == 0xdc || marker == 0xdd;
  if (!list) return document(what);
  const auto header = array_header_bytes(packed);
  std::size_t items = marker & 0x0f;
  if (header != 1) {
    items = 0;
    for (std::size_t i = 1; i != header; ++i) items = items << 8 | static_cast<unsigned char>(packed[i]);
  }
  out_ += packed.substr(header);
  count_ += items;
}

bool socketio_packet_writer::ends_with_text() const noexcept {
  if (as_ == format::json) return out_.back() == '"';
  packed_walk walk{std::string_view{out_}.substr(data_at_ + 1)};
  for (std::size_t i = 1; i < count_; ++i) walk.skip();
  return count_ != 0 && walk.text().has_value();
}

void socketio_packet_writer::settle(std::size_t start, holds what) {
  if (as_ == format::json && std::string_view{out_}.substr(start).find(quoted_bytes_key) != std::string_view::npos)
    rewrite(start, what);
}

void socketio_packet_writer::rewrite(std::size_t start, holds what) {
  const auto json = what == holds::list ? '[' + out_.substr(start) + ']' : out_.substr(start);
  borrowed_document document;
  if (document->read(format::json, json, unbounded)) throw std::logic_error{"A payload is no document."};
  out_.resize(start);
  if (what == holds::one) return put(document->root());
  bool first = true;
  for (const value& item : items_of(document->root())) {
    if (!first) out_ += ',';
    first = false;
    put(item);
  }
}

/// As JSON, bytes as placeholders.
void socketio_packet_writer::put(const value& what) {
  json_writer w{out_};
  if (what.is(kind::array)) {
    w.begin_array(what.count);
    for (const value& item : items_of(what)) w.item(), put(item);
    return w.end_array();
  }
  if (what.is(kind::bytes) && attach(what.text())) return;
  if (!what.is(kind::object)) return append_json(out_, what);
  if (const auto bytes = bytes_of(what); bytes && attach(*bytes)) return;
  w.begin_object();
  for (const auto [key, member] : members_of(what)) {
    if (key == placeholder_key && member.is(kind::boolean) && member.boolean) continue;
    w.key(key);
    put(member);
  }
  w.end_object();
}

bool socketio_packet_writer::attach(std::string_view bytes) {
  if (attachments_.size() == socketio_attachments_max) return false;
  json_writer w{out_};
  w.begin_object();
  w.key(placeholder_key);
  w.boolean(true);
  w.key("num");
  w.natural(attachments_.size());
  w.end_object();
  attachments_.emplace_back(bytes);
  return true;
}

std::string socketio_control(const socketio_address& to, socketio_type type, std::string_view json) {
  std::string out;
  {
    const websocket_frame frame{out, frames_of(to.parser), framing::websocket, control_guess + json.size()};
    if (to.parser == encoding::socketio) {
      out += message_digit;
      begin_text_packet(out, to, type, {});
      out += json;
    } else {
      begin_packed_packet(out, to, type, {}, !json.empty());
      if (!json.empty()) out += transcode(format::json, json, unbounded).value();
    }
  }
  return out;
}

std::string socketio_connect_error(const socketio_address& to, const error& why) {
  std::string json;
  json_writer w{json};
  w.begin_object();
  w.key("message");
  w.text(why.message);
  w.key("data");
  why.data ? w.raw(why.data->as(format::json)) : write_error_data(w, why);
  w.end_object();
  return socketio_control(to, socketio_type::connect_error, json);
}

}  // namespace greenroom::codecs
