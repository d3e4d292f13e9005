/// Why the store refused an operation. Everything but `outcome_unknown` means *not stored*.
#pragma once

#include <cstdint>
#include <system_error>

namespace greenroom::storage {

enum class errc : std::uint8_t {
  success = 0,
  conflict,         ///< the sender used this id for other content
  queue_full,       ///< the user's inbox is full of messages that have not expired
  unavailable,      ///< no space, or a bound of the whole store is reached; later it may work
  outcome_unknown,  ///< the disk failed during the commit: retry with the same id
  not_found,        ///< no such log, session, message or dead letter
  too_large,        ///< a name, id, body or snapshot is over its limit
};

const std::error_category& category() noexcept;
inline std::error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), category()}; }

}  // namespace greenroom::storage

template <>
struct std::is_error_code_enum<greenroom::storage::errc> : std::true_type {};
