/// The body of one log line: a sentence and its fields, as text for people or as members of a JSON object. Whatever a
/// value holds, the line stays one line, and the JSON stays JSON.
#pragma once

#include <string>
#include <string_view>

#include "runtime/log.hpp"

namespace greenroom::runtime::log {

std::string text_line(std::string_view sentence, fields what);  ///< the member left  room=lobby session="a b"
std::string json_line(std::string_view sentence, fields what);  ///< "message":"the member left","room":"lobby"

}  // namespace greenroom::runtime::log
