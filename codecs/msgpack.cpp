#include "codecs/msgpack.hpp"

#include <cmath>
#include <msgpack.hpp>
#include <optional>
#include <utility>

#include "codecs/utf8.hpp"

namespace greenroom::codecs {
namespace {

/// The bytes before a token's content: the marker with the length or the number behind it, and an extension's type.
constexpr std::size_t header_bytes(unsigned char marker) {
  switch (marker) {
    case 0xcc:
    case 0xd0:
    case 0xc4:
    case 0xd9: return 2;  // uint 8, int 8, bin 8, str 8
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8: return 2;  // fixext: marker, type
    case 0xcd:
    case 0xd1:
    case 0xc5:
    case 0xda:
    case 0xdc:
    case 0xde: return 3;  // 16 bits
    case 0xc7: return 3;  // ext 8: marker, length, type
    case 0xc8: return 4;
    case 0xce:
    case 0xd2:
    case 0xca:
    case 0xc6:
    case 0xdb:
    case 0xdd:
    case 0xdf: return 5;  // 32 bits
    case 0xc9: return 6;
    case 0xcf:
    case 0xd3:
    case 0xcb: return 9;  // 64 bits
    default: return 1;
  }
}

/// The length that a string, bin or ext declares; none where the header itself is cut off or has no such length.
std::optional<std::size_t> declared_length(std::string_view token) {
  const auto big_endian = [&](std::size_t bytes) -> std::optional<std::size_t> {
    if (token.size() < 1 + bytes) return std::nullopt;
    std::size_t n = 0;
    for (std::size_t i = 1; i <= bytes; ++i) n = n << 8 | static_cast<unsigned char>(token[i]);
    return n;
  };
  switch (token.empty() ? 0 : static_cast<unsigned char>(token.front())) {
    case 0xc4:
    case 0xc7:
    case 0xd9: return big_endian(1);
    case 0xc5:
    case 0xc8:
    case 0xda: return big_endian(2);
    case 0xc6:
    case 0xc9:
    case 0xdb: return big_endian(4);
    default: return std::nullopt;
  }
}

/// msgpack-c tells what it finds but not where; `at_` follows it token by token.
class visitor : public msgpack::null_visitor {
 public:
  visitor(std::string_view bytes, const bounds& within, std::vector<value>& out)
      : at_{bytes.data()}, end_{bytes.data() + bytes.size()}, within_{within}, out_{out} {}

  errc why() const noexcept { return why_; }

  bool visit_nil() { return scalar(kind::null) != nullptr; }
  bool visit_boolean(bool b) {
    auto* v = scalar(kind::boolean);
    return v != nullptr && (v->boolean = b, true);
  }
  bool visit_positive_integer(std::uint64_t n) {
    auto* v = scalar(kind::natural);
    return v != nullptr && (v->natural = n, true);
  }
  bool visit_negative_integer(std::int64_t n) {
    if (n >= 0) return visit_positive_integer(static_cast<std::uint64_t>(n));
    auto* v = scalar(kind::negative);
    return v != nullptr && (v->negative = n, true);
  }
  bool visit_float32(float f) { return visit_float64(static_cast<double>(f)); }
  bool visit_float64(double d) {
    auto* v = scalar(std::isfinite(d) ? kind::real : kind::flawed);
    if (v == nullptr) return false;
    if (std::isfinite(d))
      v->real = d;
    else
      v->flaw = errc::number_not_finite;
    return true;
  }
  bool visit_str(const char*, std::uint32_t size) {
    auto* v = content(kind::text, size);
    if (v == nullptr) return false;
    if (!is_utf8(v->text())) {
      v->what = kind::flawed;
      v->flaw = errc::invalid_utf8;
    }
    return true;
  }
  bool visit_bin(const char*, std::uint32_t size) { return content(kind::bytes, size) != nullptr; }
  bool visit_ext(const char* type_and_data, std::uint32_t size) {
    auto* v = content(kind::extension, size - 1);
    return v != nullptr && (v->extension = static_cast<std::int8_t>(*type_and_data), true);
  }

  bool start_array(std::uint32_t count) { return open(kind::array, count, count); }
  bool end_array() { return close(); }
  bool start_map(std::uint32_t count) { return open(kind::object, count, 2 * std::size_t{count}); }
  bool end_map() { return close(); }
  bool start_map_key() { return key_ = true; }
  bool end_map_key() { return key_ = false, true; }

  /// The input ended inside the token at `at_`: cut off, unless it promised what no message may hold.
  void insufficient_bytes(std::size_t, std::size_t) {
    const auto declared = declared_length({at_, end_});
    why_ = declared > limits::declared_bytes_max ? errc::declares_too_much : errc::ill_formed;
  }
  void parse_error(std::size_t, std::size_t) { why_ = errc::ill_formed; }

 private:
  bool refuse(errc e) { return why_ = e, false; }

  /// Appends the value whose token begins at `at_`, `length` bytes long.
  value* push(kind what, std::size_t length) {
    if (key_) {
      if (what != kind::text) out_[innermost_].flaw = errc::key_not_text;
    } else if (++elements_ > within_.elements) {
      return refuse(errc::too_many_elements), nullptr;
    }
    auto& v = out_.emplace_back();
    v.what = what;
    v.set_raw({at_, length});
    at_ += length;
    return &v;
  }

  value* scalar(kind what) { return push(what, header_bytes(static_cast<unsigned char>(*at_))); }

  value* content(kind what, std::size_t size) {
    const auto header = header_bytes(static_cast<unsigned char>(*at_));
    auto* v = push(what, header + size);
    if (v != nullptr) v->set_text(v->raw().substr(header));
    return v;
  }

  bool open(kind what, std::uint32_t count, std::size_t children) {
    if (depth_ >= within_.depth) return refuse(errc::too_deep);
    if (count > within_.elements - elements_) return refuse(errc::too_many_elements);
    const auto header = header_bytes(static_cast<unsigned char>(*at_));
    if (children > static_cast<std::size_t>(end_ - at_) - header) return refuse(errc::ill_formed);  // a byte each
    auto* v = push(what, header);
    if (v == nullptr) return false;
    v->count = count;
    v->span = std::exchange(innermost_, static_cast<std::uint32_t>(out_.size() - 1));
    ++depth_;
    key_ = false;
    return true;
  }

  bool close() {
    auto& v = out_[innermost_];
    v.set_raw({v.first, at_});
    const auto span = static_cast<std::uint32_t>(out_.size() - innermost_);
    innermost_ = std::exchange(v.span, span);
    --depth_;
    return true;
  }

  const char* at_;
  const char* end_;
  const bounds& within_;
  std::vector<value>& out_;
  std::size_t depth_ = 0;
  std::size_t elements_ = 0;
  std::uint32_t innermost_ = 0;  ///< index of the container that is open; its `span` holds the one around it meanwhile
  bool key_ = false;             ///< the next token stands where a key should
  errc why_ = errc::ill_formed;
};

}  // namespace

std::error_code read_msgpack(std::string_view bytes, const bounds& within, std::vector<value>& out) {
  out.clear();
  visitor v{bytes, within, out};
  std::size_t offset = 0;
  if (!msgpack::parse(bytes.data(), bytes.size(), offset, v)) return v.why();
  return offset == bytes.size() ? errc::success : errc::ill_formed;
}

}  // namespace greenroom::codecs
