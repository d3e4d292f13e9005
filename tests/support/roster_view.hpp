/// ROSTER_VIEW is what a client knows of who is in a room, from its notifications and nothing else, as docs/protocol.md
/// tells it to keep it.
#pragma once

#include <boost/json/value.hpp>

#include <cstdint>
#include <map>
#include <string>

#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {

class roster_view {
 public:
  /// The params of a room.presence.
  void hear(const json& params) {
    ++notices;
    const auto& all = params.as_object();
    if (const auto* users = all.if_contains("users")) {
      ++wholes;
      known.clear();
      take(*users);
    } else {
      if (const auto* joined = all.if_contains("joined")) take(*joined);
      if (const auto* updated = all.if_contains("updated")) take(*updated);
      if (const auto* left = all.if_contains("left"))
        for (const auto& each : left->as_array()) known.erase(text(each, "user"));
    }
    total = number(params, "total");
  }
  void hear(const client::heard& what, std::string_view room) {
    if (what.method == "room.presence" && text(what.body, "room") == room) hear(what.body);
  }
  /// "ann=[…] bob=[…]", entries as JSON.
  std::string line() const {
    std::string all;
    for (const auto& [user, entries] : known) all += user + '=' + entries + ' ';
    return all;
  }

  std::map<std::string, std::string> known;  ///< entries by user
  std::uint64_t total = 0, notices = 0, wholes = 0;

 private:
  void take(const json& members) {
    for (const auto& each : members.as_array()) known[text(each, "user")] = dump(each, "entries");
  }
};

/// The same from an answer of room.members.
inline std::string roster_line(const json& members) {
  std::string all;
  for (const auto& each : members.at("members").as_array())
    all += text(each, "user") + '=' + dump(each, "entries") + ' ';
  return all;
}

}  // namespace greenroom::tests
