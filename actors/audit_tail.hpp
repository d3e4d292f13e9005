/// AUDIT_TAIL prints lines of an audit log's files, the newest first found and then what comes, as text for people or as they
/// stand there.
///
/// Threading: one; it blocks. Bounds: the lines that were asked for, and a line. Failure: a file that cannot be read has no
/// lines; a line that is none is printed as damaged.
#pragma once
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <string_view>

namespace greenroom {

class audit_tail {
 public:
  struct filter {
    std::string user{}, action{};
    bool refused = false, json = false;
  };
  audit_tail(std::filesystem::path directory, filter what);

  /// The newest `count` that pass, then, where it follows, all that come, until `out` fails.
  void run(std::size_t count, bool follow, std::ostream& out);

 private:
  std::string shown(std::string_view line) const;  ///< empty: it does not pass
  void print_last(std::size_t count, std::ostream& out);

  std::filesystem::path directory_;
  filter what_;
  std::uint64_t file_ = 0;  ///< the newest that was read
  std::uint64_t at_ = 0;    ///< and how far
};

}  // namespace greenroom
