/// The page at /: one room in the browser, so that the first thing that somebody opens shows messages arriving. A real
/// console comes later.
#pragma once
#include <string_view>

namespace greenroom {

extern const std::string_view welcome_page;         ///< HTML
extern const std::string_view welcome_page_policy;  ///< its Content-Security-Policy

}  // namespace greenroom
