#pragma once
#include <string_view>

namespace greenroom::codecs::fuzz {

/// Pieces that are worth inserting.
inline constexpr std::string_view codec_tokens[] = {"\"",
                                                    "\\",
                                                    "\\u0000",
                                                    "\\ud800",
                                                    "{",
                                                    "}",
                                                    "[",
                                                    "]",
                                                    ",",
                                                    ":",
                                                    "null",
                                                    "-",
                                                    "e",
                                                    ".",
                                                    "\"id\":",
                                                    "\"method\":",
                                                    "\"params\":",
                                                    "\"$bytes\":",
                                                    "\"$ext\":",
                                                    "1e999",
                                                    "\xff",
                                                    "\xc1",
                                                    "\xdd\x7f\xff\xff\xff",
                                                    "\xdf\x10",
                                                    "\xdb\xff",
                                                    "\xc9\xff\xff\xff\xff",
                                                    "\x91",
                                                    "\x81",
                                                    "\xa1k",
                                                    "\xcb\x7f\xf8",
                                                    "\xd8",
                                                    "\xc7\x03",
                                                    "\n",
                                                    "\"phx_join\"",
                                                    "\"phx_leave\"",
                                                    "\"greenroom_answer\""};

}  // namespace greenroom::codecs::fuzz
