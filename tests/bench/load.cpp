// greenroom_load FIGURE PORT PID greenroom|floor [N]: measures one figure and prints it as one JSON object. run.mjs starts
// it, pinned to one core, against a server that is pinned to another.
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <string>

#include "tests/bench/durable_figures.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/process_meter.hpp"

namespace {

using namespace greenroom::bench;
constexpr int bad_usage = 64;

const std::map<std::string, std::function<result(const target&, std::uint32_t)>> figures{
    {"connect", [](const target& of, std::uint32_t) { return connect_sessions(of); }},
    {"connect_jwt", [](const target& of, std::uint32_t) { return connect_with_tokens(of); }},
    {"fanout", [](const target& of, std::uint32_t members) { return fan_out(of, members, compression::none); }},
    {"fanout_deflate",
     [](const target& of, std::uint32_t members) { return fan_out(of, members, compression::deflate); }},
    {"fanout_socketio",
     [](const target& of, std::uint32_t members) { return fan_out(of, members, compression::none, speech::socketio); }},
    {"fanout_phoenix",
     [](const target& of, std::uint32_t members) { return fan_out(of, members, compression::none, speech::phoenix); }},
    {"fanout_npm",
     [](const target& of, std::uint32_t members) { return fan_out(of, members, compression::none, speech::npm); }},
    {"connect_socketio", [](const target& of, std::uint32_t) { return connect_sessions(of, speech::socketio); }},
    {"connect_phoenix", [](const target& of, std::uint32_t) { return connect_sessions(of, speech::phoenix); }},
    {"paced", [](const target& of, std::uint32_t) { return paced(of); }},
    {"echo", echo},
    {"slow", [](const target& of, std::uint32_t) { return slow_member(of); }},
    {"durable", durable_publishes},
    {"direct", [](const target& of, std::uint32_t) { return direct_messages(of); }},
    {"drain", [](const target& of, std::uint32_t) { return drained_inbox(of); }},
    {"storm", storm},
    {"fill", fill},
    {"raw_store", raw_store},
    {"jetstream", jetstream_publishes},
    {"cacheline",
     [](const target&, std::uint32_t) {
       return result{{"round_trip_ns", static_cast<double>(cache_line_round_trip().count())}};
     }},
};

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
  const auto figure = argc > 1 ? figures.find(argv[1]) : figures.end();
  const bool alone = argc == 2 && std::strcmp(argv[1], "cacheline") == 0;
  if (figure == figures.end() || !(alone || argc >= 5)) {
    std::cerr << "greenroom_load FIGURE PORT PID greenroom|floor [N]; figures:";
    for (const auto& [name, run] : figures) std::cerr << ' ' << name;
    std::cerr << '\n';
    return bad_usage;
  }
  target of;
  if (!alone) {
    of.port = static_cast<std::uint16_t>(std::atoi(argv[2]));
    of.process = std::atoi(argv[3]);
    of.kind = std::strcmp(argv[4], "floor") == 0 ? server_kind::floor : server_kind::greenroom;
  }
  print(figure->second(of, argc > 5 ? static_cast<std::uint32_t>(std::atoi(argv[5])) : 1));
  return 0;
} catch (const std::exception& why) {
  std::cerr << "greenroom_load: " << why.what() << '\n';
  return 1;
}
