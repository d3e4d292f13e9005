#pragma once
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

#include "tests/bench/speech.hpp"

/// What `greenroom_load` measures, one figure a run; run.mjs says against which server, how often, and what it means.
namespace greenroom::bench {

/// Who is measured. The floor program is told a connection's part by its path; Greenroom is told by calls.
enum class server_kind : std::uint8_t { greenroom, floor };

/// Whether the members of a room agree on permessage-deflate.
enum class compression : std::uint8_t { none, deflate };

struct target {
  std::uint16_t port = 0;
  pid_t process = 0;
  server_kind kind = server_kind::greenroom;
};

/// Names and numbers, units in the names; printed as one JSON object.
using result = std::map<std::string, double>;

result connect_sessions(const target& of,
                        speech how = speech::native);  ///< `count` sessions: rate, memory of each, server CPU
result connect_with_tokens(const target& of);          ///< the same, each with a token of ES256 of its own
/// One room, 128-byte messages, 32 at a time.
result fan_out(const target& of, std::uint32_t members, compression with, speech how = speech::native);
result paced(const target& of);                          ///< open loop: 10,000 deliveries a second, latency
result echo(const target& of, std::uint32_t in_flight);  ///< round trips on 100 connections
result slow_member(const target& of);                    ///< one of 20 members stops reading

}  // namespace greenroom::bench
