// A message's way through the actors, and the relay's share of it, on a node without sockets.
#include "tests/bench/micro.hpp"
#include "tests/bench/quiet_node.hpp"

namespace greenroom::bench {
namespace {

using codecs::codec_id;
using codecs::format;

/// Bytes in, frames out: range(0) members, range(1) messages at a time. An operation is a message.
void room_publish(benchmark::State& state, format as) {
  quiet_node node;
  node.enter(as == format::json ? codec_id::native_json : codec_id::native_msgpack,
             static_cast<std::size_t>(state.range(0)));
  const auto burst = static_cast<std::size_t>(state.range(1));
  node.warm_up(as, burst);
  counted run{state, state.range(1)};
  for (auto _ : state) node.publish(as, burst);
}
BENCHMARK_CAPTURE(room_publish, json, format::json)
    ->Name("room/publish/json")
    ->ArgNames({"members", "burst"})
    ->ArgsProduct({{0, 1, 1'000}, {1, 32}});
BENCHMARK_CAPTURE(room_publish, msgpack, format::msgpack)
    ->Name("room/publish/msgpack")
    ->ArgNames({"members", "burst"})
    ->ArgsProduct({{0, 1, 1'000}, {1, 32}});

/// One turn of a room handed to the relay: an operation is a member's push, its socket's turn included.
void relay_walk(benchmark::State& state) {
  quiet_node node;
  node.enter(codec_id::native_json, static_cast<std::size_t>(state.range(0)));
  node.relay_turn(1);
  const auto before = node.delivered();
  {
    counted run{state, state.range(0)};
    for (auto _ : state) node.relay_turn(1);
  }
  if (node.delivered() - before != static_cast<std::uint64_t>(state.iterations() * state.range(0)))
    state.SkipWithError("not everything was delivered");
}
BENCHMARK(relay_walk)->Name("relay/walk")->ArgName("members")->Arg(10)->Arg(1'000)->Arg(10'000);

}  // namespace
}  // namespace greenroom::bench
