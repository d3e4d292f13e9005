#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

namespace greenroom::codecs {

/// Which texts are names of rooms, events, users and methods. A name is looked up byte by byte, stands in logs and on
/// screens, and what permissions say goes by it: two names that look alike and differ, or one that hides a part of
/// itself, would be traps. So a name
///  - is UTF-8 and not empty,
///  - is in Unicode's composed form (NFC): there is one way to write "é". What is not is refused and not rewritten,
///    for its client goes on with the name that it sent, and would not know the one that it gets,
///  - has no control characters (C0, DEL, C1), no line or paragraph separator, no control of writing direction, and
///    no code point that Unicode 14 has not assigned.
///
/// Threading: any thread. Failure: why it is none, as the rest of a sentence, "must …"; nothing where it is one. ASCII
/// costs a few ns.
std::optional<std::string_view> flaw_of_name(std::string_view text);

/// The same, and the length.
bool is_name(std::string_view text, std::size_t bytes_max);

}  // namespace greenroom::codecs
