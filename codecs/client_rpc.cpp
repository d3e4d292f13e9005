#include "codecs/client_rpc.hpp"

#include <stdexcept>

#include "codecs/document.hpp"
#include "codecs/params_reader.hpp"
#include "codecs/rpc_error.hpp"
#include "codecs/rpc_writer.hpp"
#include "codecs/transcode.hpp"

namespace greenroom::codecs {

std::string encode_request(format as, std::optional<std::uint64_t> id, std::string_view method,
                           std::string_view params_json) {
  borrowed_document params;
  if (const auto why = params->read(format::json, params_json, unbounded)) {
    throw std::invalid_argument{"The params are no JSON: " + why.message()};
  }
  const value& root = params->root();
  if (!root.is(kind::object) && !root.is(kind::array))
    throw std::invalid_argument{"The params are no JSON object and no array."};
  if (const auto* flaw = first_flaw(root)) {
    throw std::invalid_argument{path_to(*flaw, root, "params") + ": " + make_error_code(flaw->flaw).message()};
  }
  if (as == format::json) return write_request(as, id, method, root.raw());
  std::string packed;
  append_msgpack(packed, root);
  return write_request(as, id, method, packed);
}

std::string encode_refusal(format as, std::string_view request, std::string_view method) {
  auto why = make_error(error_code::method_not_found, "This client does not answer " + std::string{method} + ".");
  return write_reply({.id = std::string{request}, .in = as}, std::move(why), framing::bare);
}

std::optional<incoming> decode_incoming(format in, std::string_view bytes) {
  borrowed_document document;
  if (document->read(in, bytes, unbounded)) return std::nullopt;
  const value& root = document->root();
  if (!root.is(kind::object) || first_flaw(root) != nullptr) return std::nullopt;

  incoming message;
  const auto* id = find(root, "id");
  if (id != nullptr && id->is(kind::natural)) message.id = id->natural;
  if (const auto* method = find(root, "method")) {
    if (!method->is(kind::text)) return std::nullopt;
    message.method = method->text();
    if (id != nullptr && id->is(kind::text)) message.request = id->raw();
    if (const auto* params = find(root, "params")) message.body = cut(in, *params);
    return message;
  }
  if (const auto* result = find(root, "result")) {
    message.body = cut(in, *result);
    return message;
  }
  const auto* failure = find(root, "error");
  if (failure != nullptr) message.failure = read_rpc_error(*failure);
  if (!message.failure) return std::nullopt;
  return message;
}

}  // namespace greenroom::codecs
