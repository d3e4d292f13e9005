/// AUDIT_LOG writes the audit log of one node: files of lines (audit_line.hpp) that make one chain, `NNNNNNNN.jsonl`, and
/// signs it now and then.
///
///   audit.file        the first line of each file: the key that signs it, signed
///   audit.checkpoint  signed: the chain had `prev` as its hash before this line, at this time
///   audit.torn        what a crash has left of the last line was put aside, into a file of its own
///   audit.trimmed     a file was deleted, as there were more than files_max: where it ended
///
/// Lifecycle: the constructor reads the key (or makes it) and finds the end of the chain; nothing is written before the first
///   append. After a crash half a line is put aside and the chain goes on behind the last whole one.
/// Threading: one thread owns it. One process: the data directory's lock sees to that.
/// Bounds: a file ends with the append that takes it over file_bytes_max; files_max files.
/// Failure: the constructor throws std::system_error or std::runtime_error with a sentence. What an append could not write
///   whole is cut off again: the error says that none of it is there, and the next one may succeed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "storage/audit_key.hpp"
#include "storage/audit_line.hpp"

namespace greenroom::storage {

struct audit_log_options {
  std::filesystem::path directory;
  std::uint64_t file_bytes_max = 64u << 20;
  std::uint32_t files_max = 64;  ///< at least 2
};

class audit_log {
 public:
  explicit audit_log(audit_log_options from);
  ~audit_log();
  audit_log(const audit_log&) = delete;
  audit_log& operator=(const audit_log&) = delete;

  /// All of them, in one write, or none. `now_ms` is the time of the lines that the log adds itself.
  std::error_code append(std::span<const audit_record> lines, std::int64_t now_ms);
  /// Signs what is not signed yet; nothing to sign: no line.
  std::error_code checkpoint(std::int64_t now_ms);
  /// What was appended is on disk.
  std::error_code sync();

  const audit_place& head() const noexcept { return head_; }
  std::uint64_t lines() const noexcept { return lines_; }  ///< that this object has written
  std::uint64_t unsigned_lines() const noexcept { return head_.n - signed_; }
  const audit_key& key() const noexcept { return key_; }
  /// What was put aside at the start; empty: nothing.
  const std::string& torn_file() const noexcept { return torn_file_; }

 private:
  struct tail;
  void find_end();
  tail read_tail(std::uint64_t file) const;
  void put_aside(std::uint64_t file, const tail& what);
  std::error_code begin_file(std::int64_t now_ms);
  std::error_code write(const std::string& bytes);
  std::error_code trim(std::int64_t now_ms);
  audit_record signed_record(std::string action, std::int64_t now_ms) const;
  std::filesystem::path path_of(std::uint64_t file) const;

  audit_log_options from_;
  audit_key key_;
  int fd_ = -1, directory_ = -1;
  std::uint64_t file_ = 0;    ///< its number; 0: there is none
  std::uint64_t offset_ = 0;  ///< its size
  audit_place head_;
  std::uint64_t signed_ = 0, lines_ = 0;
  std::uint64_t torn_bytes_ = 0;  ///< not recorded yet
  std::string torn_file_;
  bool torn_recorded_ = true, other_key_ = false, damaged_ = false;
};

/// The numbers of the files in that directory, in their order.
std::vector<std::uint64_t> audit_files(const std::filesystem::path& directory);
std::string audit_file_name(std::uint64_t number);

inline constexpr std::string_view audit_file_action = "audit.file", audit_checkpoint_action = "audit.checkpoint",
                                  audit_torn_action = "audit.torn", audit_trimmed_action = "audit.trimmed";

}  // namespace greenroom::storage
