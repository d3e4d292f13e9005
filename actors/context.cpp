#include "actors/context.hpp"

#include <algorithm>

#include "actors/limits.hpp"
#include "actors/presence.hpp"
#include "actors/room_directory.hpp"
#include "runtime/supervisor.hpp"
#include "storage/store.hpp"

namespace greenroom {

const caf::actor& context::rooms_of(std::string_view room) const {
  return shards[room_directory::shard_of(room, shards.size())].rooms;
}

const caf::actor& context::busiest_rooms() const {
  return std::ranges::max_element(shards, {},
                                  [](const shard_actors& of) { return runtime::supervisor::depth_of(of.rooms); })
      ->rooms;
}

std::size_t context::queue_index(std::string_view user) const {
  return std::hash<std::string_view>{}(user) % shards.size();
}

const caf::actor& context::queue_of(std::string_view user) const { return shards[queue_index(user)].queue; }

const caf::actor& context::presence_of(std::string_view user) const {
  return shards[presence::shard_of(user, shards.size())].presence;
}

std::int64_t context::next_stamp() {
  constexpr std::int64_t us_per_ms = 1'000;
  const auto now = now_ms() * us_per_ms;
  auto last = last_stamp.load(std::memory_order_relaxed);
  auto next = now;
  do next = std::max(now, last + 1);
  while (!last_stamp.compare_exchange_weak(last, next, std::memory_order_relaxed));
  return next;
}

codecs::ack_level context::ack_level_of(const room_policy& policy) const {
  return policy.kind == room_kind::durable && disk.level() == storage::durability::durable
             ? codecs::ack_level::durable
             : codecs::ack_level::accepted;
}

bool context::writer_is_behind() const noexcept {
  return uncommitted_bytes.load(std::memory_order_relaxed) > limits::uncommitted_bytes_max;
}

std::string context::next_message_id() {
  static constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string id = process_prefix;
  for (auto n = last_message.fetch_add(1, std::memory_order_relaxed) + 1; n != 0; n /= digits.size())
    id += digits[n % digits.size()];
  return id;
}

}  // namespace greenroom
