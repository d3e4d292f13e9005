/// The tables, and how a database of an older version becomes one of today. Versions only go up: a step is never
/// changed once it was released, a new one is added behind it.
///
/// Failure: `open_error` for a database that is not ours, newer than we are, or in the way of a step; sqlite_error for one
/// that is damaged.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>

namespace greenroom::storage {

class connection;

/// Why a database cannot be opened, as a sentence for whoever starts the node. Its file was not changed.
class open_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline constexpr std::uint32_t application_id = 0x47524e52;  ///< "GRNR", in the header of the file

/// Step i makes version i + 1 of version i.
std::span<const char* const> migrations() noexcept;

/// Takes the database to the last of `steps`, each in a transaction of its own. Answers the version that it had.
std::size_t migrate(connection& db, std::span<const char* const> steps = migrations());

}  // namespace greenroom::storage
