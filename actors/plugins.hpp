/// PLUGINS keeps the plugins of a node, and lets a newer build take an older one's place while the node runs.
///
///   reload ─▶ load beside the older build ─▶ trial: does it understand every room's and service's state?
///                                              │ no: all stays as it was, and the answer names the room
///                                              └ yes ─▶ it is the current build ─▶ rooms and services move over, each at
///                                                       a message boundary ─▶ answered
///
/// Runs on a thread of its own: loading blocks.
///
/// Parent: services supervisor, permanent.
/// Crash: a reload under way is answered with an error; what has moved over stays so, and the next reload moves the rest.
/// Bounds: one reload at a time, others wait in the mailbox; the plugins of config plugins.load. Each loaded build stays
///   mapped until the process ends.
#pragma once
#include <caf/actor.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "actors/plugin_library.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::plugins {

/// How long a reload may take before whoever asked is told that it did not end.
inline constexpr std::chrono::seconds reload_max{60};

/// What survives a life.
struct record {
  struct entry {
    plugin_library library;
    std::uint64_t loads = 1;
  };
  std::vector<entry> all;
};

struct options {
  context& ctx;
  std::shared_ptr<record> keep;
  std::filesystem::path scratch;
};

struct list {
  struct plugin {
    std::string name, version, file;
    std::vector<std::string> rooms, services;
    std::uint64_t loads = 0;
  };
  struct reply {
    std::vector<plugin> plugins;
  };
};
struct reload {
  std::string name;
  struct reply {
    std::string why;  ///< not empty: it was refused, and everything is as it was
    std::string version;
    std::uint64_t rooms = 0, services = 0;  ///< that have moved over
    std::vector<std::string> left;          ///< that stayed with the older build all the same, each with its reason
  };
};

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::plugins

GREENROOM_REQUEST(greenroom::plugins::list)
GREENROOM_REQUEST(greenroom::plugins::reload)
