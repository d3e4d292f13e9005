#include "codecs/envelope.hpp"

#include <limits>
#include <stdexcept>

namespace greenroom::codecs {
namespace {

constexpr char stored_version = 1;
constexpr std::size_t length_bytes = 2;  // little endian
constexpr unsigned char format_bits = 0x0f, arguments_bit = 0x10;

void append_field(std::string& out, std::string_view field) {
  if (field.size() > std::numeric_limits<std::uint16_t>::max())
    throw std::length_error{"An envelope's field is too long."};
  out += static_cast<char>(field.size() & 0xff);
  out += static_cast<char>(field.size() >> 8);
  out += field;
}

/// Cuts one field off the front; false where it is not whole.
bool take_field(std::string_view& bytes, std::string& field) {
  if (bytes.size() < length_bytes) return false;
  const auto length = static_cast<std::size_t>(static_cast<unsigned char>(bytes[0])) |
                      static_cast<std::size_t>(static_cast<unsigned char>(bytes[1])) << 8;
  bytes.remove_prefix(length_bytes);
  if (bytes.size() < length) return false;
  field = bytes.substr(0, length);
  bytes.remove_prefix(length);
  return true;
}

}  // namespace

std::string to_stored(const envelope& message) {
  const auto body = message.body->original();
  std::string out;
  out.reserve(2 + 3 * length_bytes + message.id.size() + message.event.size() + message.from.size() + body.size());
  out += stored_version;
  const bool arguments = message.shape == payload_shape::arguments;
  out += static_cast<char>(static_cast<unsigned char>(message.body->origin()) | (arguments ? arguments_bit : 0));
  append_field(out, message.id);
  append_field(out, message.event);
  append_field(out, message.from);
  out += body;
  return out;
}

std::optional<envelope> from_stored(std::string_view bytes) {
  if (bytes.size() < 2 || bytes[0] != stored_version) return std::nullopt;
  const auto second = static_cast<unsigned char>(bytes[1]);
  const auto origin = static_cast<format>(second & format_bits);
  if (origin != format::json && origin != format::msgpack) return std::nullopt;
  if ((second & ~(format_bits | arguments_bit)) != 0) return std::nullopt;
  bytes.remove_prefix(2);
  envelope message;
  if ((second & arguments_bit) != 0) message.shape = payload_shape::arguments;
  for (auto* field : {&message.id, &message.event, &message.from}) {
    if (!take_field(bytes, *field)) return std::nullopt;
  }
  if (bytes.empty()) return std::nullopt;  // no document is
  message.body = std::make_shared<payload>(origin, std::string{bytes});
  return message;
}

}  // namespace greenroom::codecs
