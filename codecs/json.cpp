#include "codecs/json.hpp"

#include <simdjson.h>

#include <charconv>
#include <cstring>
#include <string>

namespace greenroom::codecs {
namespace {

namespace on_demand = simdjson::ondemand;

/// Without the white space behind it: JSON has four kinds, all at or below a space, and no token ends in such a byte.
std::string_view trimmed(std::string_view token) {
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.remove_suffix(1);
  return token;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// RFC 8259 section 6, which is narrower than std::from_chars.
bool is_number(std::string_view s) {
  const auto skip_digits = [&s] {
    const auto before = s.size();
    while (!s.empty() && is_digit(s.front())) s.remove_prefix(1);
    return s.size() != before;
  };
  if (s.starts_with('-')) s.remove_prefix(1);
  const bool zero = s.starts_with('0');
  if (zero) s.remove_prefix(1);
  if (!zero && !skip_digits()) return false;
  if (s.starts_with('.')) {
    s.remove_prefix(1);
    if (!skip_digits()) return false;
  }
  if (s.starts_with('e') || s.starts_with('E')) {
    s.remove_prefix(1);
    if (s.starts_with('+') || s.starts_with('-')) s.remove_prefix(1);
    if (!skip_digits()) return false;
  }
  return s.empty();
}

bool parse(std::string_view number, auto& into) {
  return std::from_chars(number.data(), number.data() + number.size(), into).ec == std::errc{};
}

/// One walk over a document. Every token is looked at, because On-Demand checks only what is asked for.
class walk {
 public:
  walk(on_demand::document& doc, const bounds& within, std::vector<value>& out)
      : doc_{doc}, within_{within}, out_{out} {}

  errc any(on_demand::value& v, std::size_t depth) {
    if (++elements_ > within_.elements) return errc::too_many_elements;
    on_demand::json_type type;
    if (v.type().get(type)) return errc::ill_formed;
    switch (type) {
      case on_demand::json_type::object: return object(v, depth + 1);
      case on_demand::json_type::array: return array(v, depth + 1);
      case on_demand::json_type::string: return text(v);
      case on_demand::json_type::number: return number(v);
      case on_demand::json_type::boolean: return boolean(v);
      case on_demand::json_type::null: return null(v);
    }
    return errc::ill_formed;
  }

 private:
  errc null(on_demand::value& v) {
    bool is_null = false;
    const auto token = trimmed(v.raw_json_token());
    if (v.is_null().get(is_null) || !is_null) return errc::ill_formed;
    push(kind::null, token);
    return errc::success;
  }

  errc boolean(on_demand::value& v) {
    bool truth = false;
    const auto token = trimmed(v.raw_json_token());
    if (v.get_bool().get(truth)) return errc::ill_formed;
    push(kind::boolean, token).boolean = truth;
    return errc::success;
  }

  /// Not with simdjson's numbers: 3.0.1 gives 0 for some floats of more than 19 digits, without an error.
  errc number(on_demand::value& v) {
    const auto token = trimmed(v.raw_json_token());
    if (!is_number(token)) return errc::ill_formed;
    value& n = push(kind::natural, token);
    bool fits = false;
    if (token.find_first_of(".eE") != std::string_view::npos) {
      n.what = kind::real;
      fits = parse(token, n.real);
    } else if (token.front() != '-') {
      fits = parse(token, n.natural);
    } else {
      fits = parse(token, n.negative);
      n.what = n.negative == 0 ? kind::natural : kind::negative;
    }
    if (!fits) {
      n.what = kind::flawed;
      n.flaw = errc::number_out_of_range;
    }
    return errc::success;
  }

  errc text(on_demand::value& v) {
    const auto token = trimmed(v.raw_json_token());
    if (token.size() < 2 || token.back() != '"') return errc::ill_formed;
    auto plain = token.substr(1, token.size() - 2);
    // Both ways take the token: what stays untaken, On-Demand would skip, and skip a colon behind it too.
    on_demand::raw_json_string taken;
    const bool escaped = plain.find('\\') != std::string_view::npos;
    if (escaped ? v.get_string().get(plain) : v.get_raw_json_string().get(taken)) return errc::ill_formed;
    push(kind::text, token).set_text(plain);
    return errc::success;
  }

  errc key(on_demand::field& field) {
    // Of a key, On-Demand gives only the first byte. Its end is the first quote that no backslash precedes.
    const char* first = field.key().raw();
    const char* last = first;
    while (*last != '"' && *last != '\\') ++last;
    std::string_view name{first, last};
    if (*last == '\\' && field.unescaped_key().get(name)) return errc::ill_formed;
    push(kind::text, name).set_text(name);
    return errc::success;
  }

  errc array(on_demand::value& v, std::size_t depth) {
    if (depth > within_.depth) return errc::too_deep;
    const char* first = v.raw_json_token().data();
    on_demand::array items;
    if (v.get_array().get(items)) return errc::ill_formed;
    const auto self = out_.size();
    push(kind::array, {});
    std::uint32_t count = 0;
    for (auto item : items) {
      on_demand::value next;
      if (item.get(next)) return errc::ill_formed;
      if (const auto e = any(next, depth); e != errc::success) return e;
      ++count;
    }
    return close(self, count, first);
  }

  errc object(on_demand::value& v, std::size_t depth) {
    if (depth > within_.depth) return errc::too_deep;
    const char* first = v.raw_json_token().data();
    on_demand::object members;
    if (v.get_object().get(members)) return errc::ill_formed;
    const auto self = out_.size();
    push(kind::object, {});
    std::uint32_t count = 0;
    for (auto member : members) {
      on_demand::field field;
      if (std::move(member).get(field)) return errc::ill_formed;
      if (const auto e = key(field); e != errc::success) return e;
      if (const auto e = any(field.value(), depth); e != errc::success) return e;
      ++count;
    }
    return close(self, count, first);
  }

  /// The bracket that closed it stands before the token that comes next.
  errc close(std::size_t self, std::uint32_t count, const char* first) {
    const char* next = nullptr;
    if (doc_.current_location().get(next)) return errc::ill_formed;
    auto& v = out_[self];
    v.set_raw(trimmed({first, next}));
    v.count = count;
    v.span = static_cast<std::uint32_t>(out_.size() - self);
    return errc::success;
  }

  value& push(kind what, std::string_view raw) {
    auto& v = out_.emplace_back();
    v.what = what;
    v.set_raw(raw);
    return v;
  }

  on_demand::document& doc_;
  const bounds& within_;
  std::vector<value>& out_;
  std::size_t elements_ = 0;
};

}  // namespace

struct json_reader::state {
  on_demand::parser parser;
  std::string padded;
};

json_reader::json_reader() = default;
json_reader::~json_reader() = default;

std::size_t json_reader::footprint() const noexcept {
  constexpr std::size_t simdjson_bytes_per_input_byte = 6;  // structural indexes, unescaped strings
  return state_ ? state_->padded.capacity() + state_->parser.capacity() * simdjson_bytes_per_input_byte : 0;
}

std::error_code json_reader::read(std::string_view text, const bounds& within, std::vector<value>& out) {
  if (!state_) state_ = std::make_unique<state>();
  // The input is read as the only item of an array: On-Demand has other paths for scalars at the root, and other
  // errors in them. simdjson reads up to SIMDJSON_PADDING bytes behind the end, which must not look like brackets.
  auto& padded = state_->padded;
  const auto length = text.size() + 2;
  if (padded.size() < length + simdjson::SIMDJSON_PADDING) padded.resize(length + simdjson::SIMDJSON_PADDING);
  padded[0] = '[';
  std::memcpy(padded.data() + 1, text.data(), text.size());
  padded[length - 1] = ']';
  std::memset(padded.data() + length, 0, simdjson::SIMDJSON_PADDING);

  out.clear();
  on_demand::document doc;
  on_demand::array outer;
  if (state_->parser.iterate(padded.data(), length, padded.size()).get(doc)) return errc::ill_formed;
  if (doc.get_array().get(outer)) return errc::ill_formed;
  walk walker{doc, within, out};
  for (auto item : outer) {
    on_demand::value root;
    if (item.get(root) || !out.empty()) return errc::ill_formed;
    if (const auto e = walker.any(root, 0); e != errc::success) return e;
  }
  const bool at_end = doc.current_location().error() == simdjson::OUT_OF_BOUNDS;
  return at_end && !out.empty() ? errc::success : errc::ill_formed;
}

}  // namespace greenroom::codecs
