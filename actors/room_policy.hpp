/// What the config says of a namespace's rooms. The namespace of `chat:lobby` is `chat`; a room without a known prefix
/// belongs to the default namespace, whose name is empty.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "storage/log.hpp"

namespace greenroom::runtime {
struct config;
}

namespace greenroom {

/// What happens when a frame does not fit into a member's outbox. It touches only that room's frames.
enum class slow_member : std::uint8_t {
  disconnect,  ///< close 1013 slow_consumer
  spill,       ///< back to catching up from the log
  latest,      ///< the older frame of the same event goes out, a notice says so
};

enum class admission : std::uint8_t { nobody, authenticated, anyone };

enum class room_kind : std::uint8_t { ephemeral, durable };

struct room_policy {
  std::string name;         ///< the namespace
  std::string behaviour{};  ///< of its rooms; empty: none
  room_kind kind = room_kind::ephemeral;
  storage::retention history;
  slow_member slow = slow_member::disconnect;
  std::uint32_t members_max = 100'000;
  bool presence = true;  ///< whether members are told who comes and goes
  std::uint32_t presence_list_max = 100;
  std::chrono::milliseconds presence_interval{100};
  admission join = admission::nobody, publish = admission::nobody;
  admission read = admission::nobody;     ///< the history
  admission members = admission::nobody;  ///< who is there
};

class room_policies {
 public:
  explicit room_policies(const runtime::config& config);
  /// The policy lives as long as this object.
  const room_policy& of(std::string_view room) const;

 private:
  std::map<std::string, room_policy, std::less<>> by_namespace_;
};

}  // namespace greenroom
