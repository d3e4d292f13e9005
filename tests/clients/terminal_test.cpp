#include "clients/terminal.hpp"

#include <catch2/catch.hpp>
#include <cerrno>
#include <fstream>
#include <sstream>

#include "clients/limits.hpp"
#include "clients/payload_argument.hpp"

using namespace greenroom::clients;
using greenroom::codecs::error;
using greenroom::codecs::error_code;

namespace {

exit_code run(std::ostream& err, const std::function<exit_code()>& command) {
  std::ostringstream out;
  terminal to{out, err};
  return run_command(to, command);
}

/// A stream buffer whose every write fails with that errno, as a closed pipe's does.
struct broken : std::streambuf {
  explicit broken(int number) : number_{number} {}
  int overflow(int) override { return errno = number_, EOF; }
  int number_;
};

}  // namespace

TEST_CASE("terminal: results go to the output and notes to the error stream, each a line") {
  std::ostringstream out, err;
  terminal to{out, err};
  to.line("result");
  to.note("remark");
  CHECK(out.str() == "result\n");
  CHECK(err.str() == "greenroom: remark\n");
}

TEST_CASE("terminal: a closed pipe ends a command quietly, a full disk with a sentence") {
  const auto [number, code, silent] =
      GENERATE(table<int, exit_code, bool>({{EPIPE, exit_code::ok, true}, {ENOSPC, exit_code::output_gone, false}}));
  broken buffer{number};
  std::ostream out{&buffer};
  std::ostringstream err;
  terminal to{out, err};
  CHECK(run_command(to, [&] { return to.line("x"), exit_code::ok; }) == code);
  CHECK(err.str().empty() == silent);
}

TEST_CASE("terminal: what a command throws becomes a sentence and its exit code") {
  const auto [thrown, code] =
      GENERATE(table<failure, exit_code>({{failure{errc::bad_url, "why"}, exit_code::usage},
                                          {failure{errc::unreachable, "why"}, exit_code::unavailable},
                                          {failure{errc::refused, "why", 503}, exit_code::unavailable},
                                          {failure{errc::refused, "why", 401}, exit_code::no_permission},
                                          {failure{errc::refused, "why", 403}, exit_code::no_permission},
                                          {failure{errc::timed_out, "why"}, exit_code::try_again},
                                          {failure{errc::closed, "why", 1012}, exit_code::try_again},
                                          {failure{errc::garbled, "why"}, exit_code::unavailable}}));
  std::ostringstream err;
  CHECK(run(err, [thrown = thrown]() -> exit_code { throw thrown; }) == code);
  CHECK(err.str() == "greenroom: why\n");
}

TEST_CASE("terminal: Ctrl-C is a quiet end") {
  std::ostringstream err;
  CHECK(run(err, []() -> exit_code { throw failure{errc::interrupted, "interrupted"}; }) == exit_code::ok);
  CHECK(err.str().empty());
}

TEST_CASE("terminal: an error answer is named with its number, its place and when to try again") {
  std::ostringstream err;
  const auto code = run(err, []() -> exit_code {
    throw refusal{error{error_code::rate_limited, "too fast\x1b", "params.room", "", "t1", 250}};
  });
  CHECK(code == exit_code::try_again);
  CHECK(err.str() ==
        "greenroom: the node refused: too fast? (-32003, at params.room, try again in 250 ms, trace t1)\n");
}

TEST_CASE("exit_code: an error answer says whether another try may help") {
  CHECK(exit_code_of(error_code::invalid_params) == exit_code::bad_data);
  CHECK(exit_code_of(error_code::conflict) == exit_code::bad_data);
  CHECK(exit_code_of(error_code::unauthenticated) == exit_code::no_permission);
  CHECK(exit_code_of(error_code::forbidden) == exit_code::no_permission);
  CHECK(exit_code_of(error_code::queue_full) == exit_code::try_again);
  CHECK(exit_code_of(error_code::draining) == exit_code::try_again);
  CHECK(exit_code_of(error_code::internal) == exit_code::internal);
  CHECK(exit_code_of(static_cast<error_code>(-1)) == exit_code::bad_data);
}

TEST_CASE("payload_argument: JSON is itself, - is the input, @file is the file, --text is a string") {
  std::istringstream input{"[1, 2]\n"};
  CHECK(read_payload(R"({"a": 1.0})", payload_kind::json, input) == R"({"a": 1.0})");
  CHECK(read_payload("-", payload_kind::json, input) == "[1, 2]\n");
  CHECK(read_payload("say \"hi\"", payload_kind::text, input) == R"("say \"hi\"")");
  const std::string path = "payload_argument_test.json";
  std::ofstream{path} << "{}";
  CHECK(read_payload("@" + path, payload_kind::json, input) == "{}");
  std::remove(path.c_str());
}

TEST_CASE("payload_argument: what is no JSON, no UTF-8 or no file is refused before a connection is made") {
  using kind = payload_failure::kind;
  std::istringstream input{std::string(limits::payload_bytes_max + 1, ' ')};
  const auto code = [&](const std::string& argument, payload_kind as) {
    try {
      read_payload(argument, as, input);
    } catch (const payload_failure& why) {
      return why.code();
    }
    throw std::logic_error{"was accepted"};
  };
  CHECK(code("hello", payload_kind::json) == kind::not_json);
  CHECK(code(R"(1,"ack":"durable")", payload_kind::json) == kind::not_json);
  CHECK(code("\xff", payload_kind::text) == kind::not_json);
  CHECK(code("@/no/such/file", payload_kind::json) == kind::unreadable);
  CHECK(code("-", payload_kind::json) == kind::too_large);
}
