#include "clients/terminal.hpp"

#include <cerrno>
#include <ostream>
#include <string>
#include <system_error>

#include "clients/failure.hpp"
#include "clients/json_text.hpp"
#include "clients/payload_argument.hpp"

namespace greenroom::clients {
namespace {

exit_code exit_code_of(payload_failure::kind what) {
  return what == payload_failure::kind::unreadable ? exit_code::no_input : exit_code::bad_data;
}

}  // namespace

void terminal::line(std::string_view text) {
  errno = 0;
  out_ << text << '\n' << std::flush;
  if (!out_) throw output_failure{errno, "cannot write the output"};
}

void terminal::note(std::string_view text) { err_ << "greenroom: " << text << '\n' << std::flush; }

exit_code run_command(terminal& to, const std::function<exit_code()>& command) try {
  return command();
} catch (const output_failure& gone) {
  if (gone.error_number == EPIPE) return exit_code::ok;
  to.note(std::string{gone.what()} + ": " + std::generic_category().message(gone.error_number));
  return exit_code::output_gone;
} catch (const failure& why) {
  if (why.code() != errc::interrupted) to.note(printable(why.what()));
  return clients::exit_code_of(why);
} catch (const refusal& why) {
  to.note(printable(why.what()));
  return clients::exit_code_of(why.code());
} catch (const payload_failure& why) {
  to.note(why.what());
  return exit_code_of(why.code());
} catch (const std::invalid_argument& why) {  // encode_request: the params are no JSON object
  to.note(why.what());
  return exit_code::bad_data;
}

}  // namespace greenroom::clients
