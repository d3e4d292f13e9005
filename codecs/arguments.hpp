#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codecs/outcome.hpp"
#include "codecs/payload.hpp"

/// The parameters of a call are an object, or a list. To protocols whose events have arguments a list is these, and an
/// object is one argument.
namespace greenroom::codecs {

/// The items of a list; else what was given, as the only one; none where it is null.
std::vector<payload_ptr> arguments_of(const payload_ptr& params);
/// What a client has answered: a list where its protocol knows several arguments, else one.
std::vector<payload_ptr> arguments_of(const results::document& what);
/// A list of these; null counts as null.
payload_ptr list_of(const std::vector<payload_ptr>& items);
/// An object as it is; anything else as the only item of a list.
payload_ptr as_params(payload_ptr what);
/// A text as a document, and the opposite: none where the document is no text.
payload_ptr text_document(std::string_view utf8);
std::optional<std::string> text_of(const payload_ptr& what);

}  // namespace greenroom::codecs
