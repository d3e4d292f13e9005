#pragma once
#include <functional>
#include <iosfwd>
#include <stdexcept>
#include <string_view>

#include "clients/exit_code.hpp"

namespace greenroom::clients {

/// Nobody reads the output any more, or the disk is full: thrown by terminal::line, turned into an exit code by
/// run_command.
struct output_failure : std::runtime_error {
  output_failure(int number, const char* sentence) : std::runtime_error{sentence}, error_number{number} {}
  int error_number;
};

/// Where a command writes: results to `out`, everything else to `err`. Each line is flushed, so that a pipe sees it at
/// once.
class terminal {
 public:
  terminal(std::ostream& out, std::ostream& err) : out_{out}, err_{err} {}
  void line(std::string_view text);  ///< throws output_failure
  void note(std::string_view text);  ///< never throws: there is no place left to complain
 private:
  std::ostream& out_;
  std::ostream& err_;
};

/// Runs a command and turns everything that it throws into a sentence on `err` and an exit code. A closed pipe is a
/// quiet end with 0.
exit_code run_command(terminal& to, const std::function<exit_code()>& command);

}  // namespace greenroom::clients
