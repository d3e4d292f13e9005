#include "codecs/rpc_error.hpp"

#include <limits>
#include <string>

namespace greenroom::codecs {
namespace {

void take_text(const value& data, std::string_view member, std::string& into) {
  const auto* what = find(data, member);
  if (what != nullptr && what->is(kind::text)) into = what->text();
}

}  // namespace

std::optional<error> read_rpc_error(const value& what) {
  if (!what.is(kind::object)) return std::nullopt;
  const auto* code = find(what, "code");
  const auto* message = find(what, "message");
  if (code == nullptr || message == nullptr || !message->is(kind::text)) return std::nullopt;
  constexpr auto lowest = std::numeric_limits<std::int32_t>::min(), highest = std::numeric_limits<std::int32_t>::max();
  error e;
  if (code->is(kind::negative) && code->negative >= lowest)
    e.code = static_cast<error_code>(code->negative);
  else if (code->is(kind::natural) && code->natural <= highest)
    e.code = static_cast<error_code>(code->natural);
  else
    return std::nullopt;
  e.message = message->text();

  const auto* data = find(what, "data");
  if (data == nullptr || !data->is(kind::object)) return e;
  take_text(*data, "path", e.path);
  take_text(*data, "reason", e.reason);
  take_text(*data, "trace", e.trace);
  const auto* retry = find(*data, "retry_after_ms");
  if (retry != nullptr && retry->is(kind::natural) && retry->natural <= std::numeric_limits<std::uint32_t>::max()) {
    e.retry_after_ms = static_cast<std::uint32_t>(retry->natural);
  }
  return e;
}

}  // namespace greenroom::codecs
