// The way of a message through the node, a fixed number of times, for who counts: bounds.mjs reads what it prints, and
// runs it under callgrind, which then writes one dump a case.
//
//   greenroom_hot_path [CASE…]           allocations of each case, as JSON
//   greenroom_hot_path --where [CASE…]   where they come from
//   greenroom_hot_path --cases           which there are
//
// A case is FORMAT-MEMBERS-BURST: the members and the publisher speak that format, and so many messages come at once; or
// FORMAT-call-BURST: so many calls of a service, which answers what it was given.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/bench/allocation_count.hpp"
#include "tests/bench/quiet_node.hpp"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_DUMP_STATS_AT(name) (void)(name)
#endif

namespace greenroom::bench {
namespace {

struct path_case {
  std::string name;
  codecs::format as;
  std::size_t members, burst, messages;  ///< no members: calls
};

std::vector<path_case> all_cases() {
  std::vector<path_case> all;
  for (const auto as : {codecs::format::json, codecs::format::msgpack})
    for (const std::size_t members : {1, 10, 1'000})
      for (const std::size_t burst : {1, 32}) {
        const std::string format = as == codecs::format::json ? "json" : "msgpack";
        all.push_back({format + '-' + std::to_string(members) + '-' + std::to_string(burst), as, members, burst,
                       burst == 1 && members == 1'000 ? std::size_t{32} : std::size_t{320}});
      }
  for (const auto as : {codecs::format::json, codecs::format::msgpack})
    for (const std::size_t burst : {1, 32})
      all.push_back(
          {(as == codecs::format::json ? "json-call-" : "msgpack-call-") + std::to_string(burst), as, 0, burst, 320});
  return all;
}

void run(const path_case& what, bool where) {
  quiet_node node;
  node.enter(what.as == codecs::format::json ? codecs::codec_id::native_json : codecs::codec_id::native_msgpack,
             what.members);
  CALLGRIND_START_INSTRUMENTATION;
  node.warm_up(what.as, what.burst);
  const auto one_turn = [&] { what.members != 0 ? node.publish(what.as, what.burst) : node.call(what.as, what.burst); };
  for (std::size_t i = 0; i != 4; ++i) one_turn();
  const auto delivered = node.delivered(), answered = node.answered();

  if (where) watch_allocations();
  const auto before = allocations();
  CALLGRIND_ZERO_STATS;
  for (std::size_t i = 0; i != what.messages / what.burst; ++i) one_turn();
  CALLGRIND_DUMP_STATS_AT(what.name.c_str());
  const auto allocated = allocations() - before;
  CALLGRIND_STOP_INSTRUMENTATION;

  if (node.delivered() - delivered != what.messages * what.members || node.answered() - answered != what.messages)
    throw std::logic_error{what.name + ": not everything was delivered"};
  std::printf(R"({"case":"%s","members":%zu,"burst":%zu,"messages":%zu,"allocations":%llu})"
              "\n",
              what.name.c_str(), what.members, what.burst, what.messages, static_cast<unsigned long long>(allocated));
  if (!where) return;
  for (const auto& place : allocation_places()) {
    std::printf("%8.3f a message, %llu bytes each\n",
                static_cast<double>(place.count) / static_cast<double>(what.messages),
                static_cast<unsigned long long>(place.bytes / place.count));
    for (const auto& frame : place.frames) std::printf("    %s\n", frame.c_str());
  }
}

int main(int argc, char** argv) {
  bool where = false, list = false;
  std::vector<std::string> wanted;
  for (int i = 1; i != argc; ++i) {
    if (std::strcmp(argv[i], "--where") == 0)
      where = true;
    else if (std::strcmp(argv[i], "--cases") == 0)
      list = true;
    else
      wanted.emplace_back(argv[i]);
  }
  std::size_t found = 0;
  for (const auto& each : all_cases()) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), each.name) == wanted.end()) continue;
    ++found;
    list ? static_cast<void>(std::puts(each.name.c_str())) : run(each, where);
  }
  if (found < wanted.size() || found == 0) throw std::invalid_argument{"there is no such case; --cases lists them"};
  return 0;
}

}  // namespace
}  // namespace greenroom::bench

int main(int argc, char** argv) try {
  return greenroom::bench::main(argc, argv);
} catch (const std::exception& failed) {
  std::fprintf(stderr, "greenroom_hot_path: %s\n", failed.what());
  return 1;
}
