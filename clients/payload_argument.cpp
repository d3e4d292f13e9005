#include "clients/payload_argument.hpp"

#include <cerrno>
#include <fstream>
#include <system_error>

#include "clients/json_text.hpp"
#include "clients/limits.hpp"

namespace greenroom::clients {
namespace {

std::string read_all(std::istream& input, const std::string& name) {
  std::string text(limits::payload_bytes_max + 1, '\0');
  input.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (input.bad()) throw payload_failure{payload_failure::kind::unreadable, "cannot read " + name};
  text.resize(static_cast<std::size_t>(input.gcount()));
  if (text.size() > limits::payload_bytes_max)
    throw payload_failure{payload_failure::kind::too_large, name + " holds more than any node takes (16 MiB)"};
  return text;
}

std::string contents(const std::string& argument, std::istream& input) {
  if (argument == "-") return read_all(input, "standard input");
  if (!argument.starts_with('@')) return argument;
  std::ifstream file{argument.substr(1), std::ios::binary};
  if (!file)
    throw payload_failure{payload_failure::kind::unreadable,
                          "cannot read " + argument.substr(1) + ": " + std::generic_category().message(errno)};
  return read_all(file, argument.substr(1));
}

}  // namespace

std::string read_payload(const std::string& argument, payload_kind kind, std::istream& input) {
  const auto text = contents(argument, input);
  const auto json = kind == payload_kind::text ? quoted(text) : text;
  if (is_json(json)) return json;
  throw payload_failure{payload_failure::kind::not_json,
                        kind == payload_kind::text
                            ? "the text is no UTF-8"
                            : "the payload is no JSON; for plain text add --text, for a string write '\"hello\"'"};
}

}  // namespace greenroom::clients
