// greenroom_load FIGURE KEY=VALUE…: measures one figure and prints it as one JSON object. meter.mjs starts it, pinned to one
// core, against a server that is pinned to another. `port` and `pid` say which, `speech` how its clients speak (several:
// members take turns); the other keys are those of figures.hpp.
#include <charconv>
#include <csignal>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/bench/durable_figures.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/process_meter.hpp"

namespace {

using namespace greenroom::bench;
constexpr int bad_usage = 64;

const std::map<std::string_view, std::function<result(const target&, const order&)>> figures{
    {"connect", connect_sessions},
    {"connect_with_tokens", connect_with_tokens},
    {"idle", idle_sessions},
    {"fan_out", fan_out},
    {"paced", paced},
    {"sustain", sustain},
    {"echo", echo},
    {"lonely_publishes", lonely_publishes},
    {"slow", slow_member},
    {"durable", durable_publishes},
    {"direct", direct_messages},
    {"drain", drained_inbox},
    {"storm", storm},
    {"fill", fill},
    {"raw_store", raw_store},
    {"jetstream", jetstream_publishes},
    {"cache_line",
     [](const target&, const order&) {
       return result{{"round_trip_ns", static_cast<double>(cache_line_round_trip().count())}};
     }},
};

template <class Number>
Number number_in(std::string_view text) {
  Number number{};
  const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (why != std::errc{} || end != text.data() + text.size() || number < 0)
    throw std::invalid_argument{"no number: " + std::string{text}};
  return number;
}

std::vector<speech> speeches_in(std::string_view text) {
  std::vector<speech> all;
  while (!text.empty()) {
    const auto name = text.substr(0, text.find(','));
    all.push_back(speech_named(name));
    text.remove_prefix(std::min(text.size(), name.size() + 1));
  }
  if (all.empty()) throw std::invalid_argument{"speech= names none"};
  return all;
}

/// Takes KEY=VALUE into where it belongs.
void take(std::string_view argument, target& of, order& what) {
  const auto at = argument.find('=');
  const auto key = argument.substr(0, at), value = at == argument.npos ? "" : argument.substr(at + 1);
  static const std::map<std::string_view, std::uint32_t order::*> numbers{
      {"rooms", &order::rooms}, {"members", &order::members},   {"at_once", &order::at_once},
      {"bytes", &order::bytes}, {"sessions", &order::sessions}, {"in_flight", &order::in_flight},
      {"rate", &order::rate},   {"mib", &order::mib},
  };
  if (const auto found = numbers.find(key); found != numbers.end()) {
    what.*found->second = number_in<std::uint32_t>(value);
    if (what.*found->second == 0) throw std::invalid_argument{std::string{key} + " is at least 1"};
  } else if (key == "seconds") {
    what.seconds = number_in<double>(value);
  } else if (key == "port") {
    of.port = number_in<std::uint16_t>(value);
  } else if (key == "pid") {
    of.process = number_in<pid_t>(value);
  } else if (key == "speech") {
    of.how = speeches_in(value);
  } else if (key == "tls" || key == "deflate") {
    (key == "tls" ? of.tls : of.deflate) = number_in<int>(value) != 0;
  } else {
    throw std::invalid_argument{"there is no key " + std::string{key}};
  }
}

void print(const result& measured) {
  std::cout << '{';
  const char* separator = "";
  for (const auto& [name, value] : measured) {
    std::cout << separator << '"' << name << "\":" << value;
    separator = ",";
  }
  std::cout << "}\n";
}

}  // namespace

int main(int argc, char** argv) try {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without asking for none
  const auto figure = argc > 1 ? figures.find(argv[1]) : figures.end();
  if (figure == figures.end()) {
    std::cerr << "greenroom_load FIGURE KEY=VALUE...; figures:";
    for (const auto& [name, run] : figures) std::cerr << ' ' << name;
    std::cerr << '\n';
    return bad_usage;
  }
  target of;
  order what;
  for (int i = 2; i < argc; ++i) take(argv[i], of, what);
  print(figure->second(of, what));
  return 0;
} catch (const std::invalid_argument& why) {
  std::cerr << "greenroom_load: " << why.what() << '\n';
  return bad_usage;
} catch (const std::exception& why) {
  std::cerr << "greenroom_load: " << why.what() << '\n';
  return 1;
}
