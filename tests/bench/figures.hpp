#pragma once
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/bench/speech.hpp"

/// What `greenroom_load` measures, one figure a run; meter.mjs says against which server, workloads.mjs how often and
/// what it means.
namespace greenroom::bench {

/// Who is measured, and how its clients speak.
struct target {
  std::uint16_t port = 0;
  pid_t process = 0;
  std::vector<speech> how{speech::native};  ///< members of a room take turns
  bool tls = false, deflate = false;

  /// Who publishes and who calls: Greenroom's rooms are served by one publisher, whatever their members speak.
  speech publishes() const { return is_greenroom(how.front()) ? speech::native : how.front(); }
};

/// What is asked of a figure; each takes what it knows.
struct order {
  std::uint32_t rooms = 1, members = 1'000;  ///< members of each room
  std::uint32_t at_once = 32;                ///< messages that are sent together
  std::uint32_t bytes = 128;                 ///< of a payload, a JSON string with its quotes
  std::uint32_t sessions = 10'000;
  std::uint32_t in_flight = 1;  ///< calls of one connection
  std::uint32_t rate = 100;     ///< publishes a second, all rooms together
  std::uint32_t mib = 64;
  double seconds = 2;
};

/// Names and numbers, units in the names; printed as one JSON object.
using result = std::map<std::string, double>;

result connect_sessions(const target& of, const order& what);     ///< rate, memory of each, server CPU
result connect_with_tokens(const target& of, const order& what);  ///< the same, each with a token of ES256 of its own
result idle_sessions(const target& of, const order& what);        ///< server CPU of sessions that only answer pings
result fan_out(const target& of, const order& what);  ///< closed loop: `at_once` messages, and all of their deliveries
result paced(const target& of, const order& what);    ///< open loop: `rate`, latency from when each was due
/// The same for long; prints a line `sample {…}` for each minute, at least ten.
result sustain(const target& of, const order& what);
result echo(const target& of, const order& what);  ///< calls of a service on 100 connections
result lonely_publishes(const target& of,
                        const order& what);               ///< publishes to rooms without members on 100 connections
result slow_member(const target& of, const order& what);  ///< one of 20 members stops reading

}  // namespace greenroom::bench
