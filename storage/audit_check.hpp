/// AUDIT_CHECK looks at the files of an audit log, of a running node or a copy, and says whether they are what was written.
///
/// What it sees: a line that was changed, taken out, put in or moved; a file that is missing; a chain that somebody without the
/// key has written anew, at its next checkpoint. What only `known` shows: that the end was cut off, or written anew behind the
/// last checkpoint that was left. What nothing here shows: what whoever had the key has written anew, before anybody
/// else kept a head.
///
/// Threading: any; it reads all files once. Bounds: one line in memory, and a place for each file that was trimmed.
/// Failure: a file that cannot be read is a break.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "storage/audit_key.hpp"
#include "storage/audit_line.hpp"

namespace greenroom::storage {

/// Where the chain is broken first.
struct audit_break {
  std::string file;
  std::uint64_t row = 0;  ///< in the file, from 1; 0: the file as a whole
  std::uint64_t n = 0;    ///< of the line that should be there; 0: unknown
  std::string why;
};

struct audit_findings {
  std::optional<audit_break> broken;
  std::uint64_t files = 0, lines = 0, checkpoints = 0, first = 0;
  audit_place head;               ///< of the last line that is whole
  std::string head_at;            ///< its time
  std::uint64_t last_signed = 0;  ///< the chain before this line is vouched for
  std::uint64_t lost = 0;         ///< lines that the node says it could not write
  std::uint64_t torn_bytes = 0;   ///< of a last line that is not whole: it is being written, or a crash has left it
  std::vector<std::string> keys;  ///< that have signed
};

struct audit_expectation {
  std::vector<audit_public_key> keys{};  ///< one of these signs; none: those that the log names itself
  std::optional<audit_place> known{};    ///< a head that somebody has kept
};

audit_findings check_audit(const std::filesystem::path& directory, const audit_expectation& expected);

}  // namespace greenroom::storage
