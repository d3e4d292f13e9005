#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "codecs/codec.hpp"

/// Writes JSON-RPC 2.0 in both formats straight into a string: no document in between, payloads as the bytes they have.
/// Optional members that outcome.hpp calls absent are left out.
namespace greenroom::codecs {

constexpr frame_kind kind_of(format f) noexcept { return f == format::json ? frame_kind::text : frame_kind::binary; }

/// Appends the frame of a `room.message`.
void write_broadcast(format as, const envelope& message, std::string& out);
std::string write_push(format as, const push& what);
/// The frame of a request of the server's; `params`, `of`: null when absent.
std::string write_server_request(format as, std::string_view id, std::string_view method, const payload_ptr& params,
                                 const on_behalf* of);
/// Empty for a notification, which is never answered.
std::string write_reply(const reply_ref& ref, const outcome& what, framing as);
std::string write_batch(format as, std::span<const std::string> bodies, framing framed);

// The parts, for protocols that put them elsewhere: appended as a document of that format.
void append_result(format as, const result& what, std::string& out);
void append_error(format as, const error& what, std::string& out);
void append_envelope(format as, const envelope& what, std::string& out);
std::string_view method_of(const push& what);  ///< "room.notice"
void append_params(format as, const push& what, std::string& out);

/// A request, or a notification where `id` is empty; unframed. `raw_params`: a document of that format, or nothing.
std::string write_request(format as, std::optional<std::uint64_t> id, std::string_view method,
                          std::string_view raw_params);

}  // namespace greenroom::codecs
