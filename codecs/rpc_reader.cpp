#include "codecs/rpc_reader.hpp"

#include <optional>
#include <string>

#include "codecs/close_code.hpp"
#include "codecs/document.hpp"
#include "codecs/methods.hpp"
#include "codecs/names.hpp"
#include "codecs/rpc_error.hpp"

namespace greenroom::codecs {
namespace {

reply_ref null_ref(format in) { return {.id = in == format::json ? "null" : "\xc0", .in = in}; }

error invalid_request(std::string message) { return make_error(error_code::invalid_request, std::move(message)); }

/// The members of a JSON-RPC message that mean something; null where absent.
struct request_members {
  const value *jsonrpc = nullptr, *id = nullptr, *method = nullptr, *params = nullptr, *result = nullptr,
              *error = nullptr;
  bool repeated = false;  ///< one of them stands twice

  explicit request_members(const value& object) {
    for (const auto [key, what] : members_of(object)) {
      if (key == "jsonrpc")
        take(jsonrpc, what);
      else if (key == "id")
        take(id, what);
      else if (key == "method")
        take(method, what);
      else if (key == "params")
        take(params, what);
      else if (key == "result")
        take(result, what);
      else if (key == "error")
        take(error, what);
    }
  }

 private:
  void take(const value*& slot, const value& what) {
    repeated |= slot != nullptr;
    slot = &what;
  }
};

/// Reads single messages of one input.
class reader {
 public:
  reader(format in, sink& to) : in_{in}, to_{to} {}

  void message(const value& what) {
    if (!what.is(kind::object)) return to_.on_bad_call(null_ref(in_), invalid_request("A request is an object."));
    const request_members m{what};
    reply_ref ref{.id = {}, .in = in_};
    if (m.id != nullptr && !take_id(*m.id, ref.id)) {
      return to_.on_bad_call(null_ref(in_), invalid_request("The id must be a short string, a number or null."));
    }
    if (auto bad = not_a_request(m)) return refuse(std::move(ref), std::move(*bad));
    if (m.result != nullptr || m.error != nullptr) return answer(m, what);
    if (m.method == nullptr) return refuse(std::move(ref), invalid_request("The request has no method."));
    if (const auto* flaw = first_flaw(what)) return to_.on_bad_call(std::move(ref), flawed(*flaw, what));
    call_of(m, std::move(ref));
  }

 private:
  /// A message that is no request is answered even where it has no id.
  void refuse(reply_ref ref, error why) {
    to_.on_bad_call(ref.wants_answer() ? std::move(ref) : null_ref(in_), std::move(why));
  }

  static bool take_id(const value& id, std::string& taken) {
    const bool acceptable =
        id.is(kind::text) || id.is(kind::natural) || id.is(kind::negative) || id.is(kind::real) || id.is(kind::null);
    if (!acceptable || id.raw_bytes > limits::request_id_bytes_max) return false;
    taken = id.raw();
    return true;
  }

  std::optional<error> not_a_request(const request_members& m) const {
    if (m.repeated) return invalid_request("A member of the request stands twice.");
    const bool optional = in_ == format::msgpack;
    if (m.jsonrpc == nullptr ? !optional : !(m.jsonrpc->is(kind::text) && m.jsonrpc->text() == "2.0")) {
      return invalid_request("The request must have \"jsonrpc\": \"2.0\".");
    }
    if (m.method == nullptr) return std::nullopt;
    if (!m.method->is(kind::text) || m.method->count == 0 || m.method->count > limits::method_bytes_max) {
      return invalid_request("The method must be a string of at most " + std::to_string(limits::method_bytes_max) +
                             " bytes, not empty.");
    }
    if (const auto flaw = flaw_of_name(m.method->text())) return invalid_request("The method " + std::string{*flaw});
    return std::nullopt;
  }

  static error flawed(const value& flaw, const value& message) {
    auto why = make_error(error_code::invalid_params, make_error_code(flaw.flaw).message());
    why.path = path_to(flaw, message, {});
    return why;
  }

  void call_of(const request_members& m, reply_ref ref) {
    const value* params = m.params != nullptr && m.params->is(kind::null) ? nullptr : m.params;
    const auto name = m.method->text();
    const auto* known = find_method(name);
    const bool by_name = params == nullptr || params->is(kind::object);
    if (!by_name && (known != nullptr || !params->is(kind::array))) {
      auto why = make_error(error_code::invalid_params, "The params must be an object.");
      why.path = "params";
      return to_.on_bad_call(std::move(ref), std::move(why));
    }
    if (known == nullptr) {
      calls::other other{.method = std::string{name}, .params = params == nullptr ? nullptr : cut(in_, *params)};
      return to_.on_call(std::move(ref), std::move(other));
    }
    std::optional<error> why;
    params_reader taker{in_, params, why};
    auto taken = known->read(taker);
    if (why) return to_.on_bad_call(std::move(ref), std::move(*why));
    to_.on_call(std::move(ref), std::move(taken));
  }

  /// The client's answer to a request of the server's: {id: "s1", result} or {id: "s1", error: {code, message}}.
  void answer(const request_members& m, const value& message) {
    const bool one = (m.result != nullptr) != (m.error != nullptr);
    if (!one || m.method != nullptr || m.id == nullptr || !m.id->is(kind::text) || first_flaw(message) != nullptr) {
      return to_.on_bad_call(null_ref(in_), invalid_request("The message is neither a request nor an answer."));
    }
    std::string id{m.id->text()};
    if (m.result != nullptr) return to_.on_answer(std::move(id), result{results::document{cut(in_, *m.result)}});
    auto failure = read_rpc_error(*m.error);
    if (!failure) return to_.on_bad_call(null_ref(in_), invalid_request("The answer's error has no code and message."));
    to_.on_answer(std::move(id), std::move(*failure));
  }

  format in_;
  sink& to_;
};

verdict unreadable(format in, std::error_code why, sink& to) {
  const bool ill_formed = why == errc::ill_formed;
  if (!ill_formed && in == format::msgpack) {
    const auto& row = close_codes::over_limits;
    return {.go_on = false, .close_code = row.code, .reason = row.reason};
  }
  to.on_bad_call(null_ref(in),
                 ill_formed ? make_error(error_code::parse) : make_error(error_code::too_large, why.message()));
  return {};
}

}  // namespace

verdict read_rpc(format in, std::string_view input, sink& to) {
  borrowed_document document;
  if (const auto why = document->read(in, input)) return unreadable(in, why, to);
  const value& root = document->root();
  reader messages{in, to};
  if (!root.is(kind::array)) {
    messages.message(root);
    return {};
  }
  if (root.count == 0 || root.count > limits::batch_max) {
    to.on_bad_call(null_ref(in),
                   invalid_request("A batch has 1 to " + std::to_string(limits::batch_max) + " requests."));
    return {};
  }
  to.on_batch_begin(in);
  for (const value& item : items_of(root)) messages.message(item);
  to.on_batch_end();
  return {};
}

}  // namespace greenroom::codecs
