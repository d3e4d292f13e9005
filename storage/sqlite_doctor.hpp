/// What can be said of a database without changing it, also while a node runs on it.
///
/// Threading: none of its own; it reads everything once, which takes as long as the disk needs. While it does, a node's
/// WAL may grow, since what a reader may still want is not moved over.
/// Failure: none: what it cannot find out is a finding.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/secret.hpp"

namespace greenroom::storage {

struct sqlite_findings {
  bool there = false;
  std::string trouble{};                 ///< a sentence: why a node could not use it; empty: it could
  bool damaged = false;                  ///< the trouble is the file's content
  bool suspect = false;                  ///< damage was met by a node; its next start looks at everything
  std::vector<std::string> set_aside{};  ///< damaged files that a node has put away
  std::uint64_t version = 0, version_of_build = 0;
  std::uint64_t database_bytes = 0, wal_bytes = 0;
  std::vector<kek_use> keks{};           ///< the keys that its data keys are wrapped under
  std::vector<stored_secret> secrets{};  ///< some of those, to try keys on
  std::int64_t newest_ms = 0;            ///< the latest time of anything that is stored
};

sqlite_findings look_at(const std::string& path);

/// One secret as it is stored; none where it is not there, damaged, or the database cannot be read.
std::optional<stored_secret> look_up_secret(const std::string& path, std::string_view name);

}  // namespace greenroom::storage
