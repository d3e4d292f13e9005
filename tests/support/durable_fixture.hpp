/// DURABLE_FIXTURE is a node whose disk promises to keep what it has committed, and takes as long as a test wants.
///
/// Rooms are `durable:x` and `durable:y`; users have a session each, which may be resumed.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {

using fate = faulty_store::fate;

inline const std::string x = "durable:x", y = "durable:y";

/// Parameters of room.publish; without an id the server gives one.
inline std::string saying(std::string_view room, std::string_view payload, std::string_view id = {}) {
  json what{{"room", room}, {"event", "say"}, {"payload", payload}};
  if (!id.empty()) what.as_object()["id"] = id;
  return dump(what);
}
inline std::string since(std::string_view room, std::string_view epoch, std::uint64_t seq) {
  return dump(json{{"room", room}, {"since", {{"epoch", epoch}, {"seq", seq}}}});
}
inline std::string opening(const json& was, const json& positions = boost::json::object{}) {
  return dump(
      json{{"resume", {{"session", was.at("session")}, {"token", was.at("resume_token")}, {"positions", positions}}}});
}
template <class Operation>
bool has(std::span<const storage::operation> batch) {
  for (const auto& each : batch)
    if (std::holds_alternative<Operation>(each)) return true;
  return false;
}

class durable_fixture : public node_fixture {
 public:
  client& user(std::string_view name, json* session = nullptr) {
    disk().claims = storage::durability::durable;
    auto& one = connect();
    auto opened = one.open(name);
    if (session) *session = std::move(opened);
    one.story();
    return one;
  }
  client& member(std::string_view name, json* session = nullptr) {
    auto& one = user(name, session);
    one.join(x);
    one.story();
    return one;
  }
  /// The node goes on, but nothing is committed.
  void settle_without_disk() { settle_without("store_writer"); }

  /// While the next batch with such an operation is being committed, this happens and all that it causes; then the batch
  /// ends so.
  template <class Operation>
  void during_commit(std::function<void()> what, fate then = fate::done) {
    disk().fate_of = [this, what = std::move(what), then,
                      fresh = true](std::span<const storage::operation> batch) mutable {
      if (!fresh || !has<Operation>(batch)) return fate::done;
      fresh = false;
      what();
      settle_without_disk();
      return then;
    };
  }

  std::uint64_t total(client& who, std::string_view room) {
    return number(who.call("room.members", dump(json{{"room", room}})), "total");
  }
  json history(client& who, std::string_view room) { return who.call("room.history", dump(json{{"room", room}})); }
};

}  // namespace greenroom::tests
