/// PLUGIN is how behaviours and services enter a running node: a shared library that says what it was built for and
/// what it adds.
///
///   #include <actors/plugin.hpp>
///   class counter final : public greenroom::room_behaviour { … };
///   GREENROOM_PLUGIN("counter", "1.2.0") { into.add_room<counter>("counter"); }
///
/// A node loads the files that `plugins.load` names, and a newer build of one with `greenroom plugin reload NAME`. It
/// takes a library only where both were built from the same interface (the headers that a plugin sees) by the same
/// compiler generation, and says in words what differs where it does not.
///
/// Build it as a shared library with greenroom::plugin from find_package(greenroom): the headers and
///   `-fvisibility=hidden -fno-gnu-unique`, without which a newer build would bind to the older one's statics. It links
///   nothing of the node; what it calls is found in the node's program.
/// Lifecycle: loaded from a copy, so that the file may be replaced, and never unloaded: an older build's code stays as
///   long as the process.
#pragma once
#include <cstdint>

#include "actors/extensions.hpp"
#include "actors/interface_id.hpp"

namespace greenroom {

/// Read before anything else is called. Its first member never changes its meaning.
struct plugin_facts {
  std::uint32_t layout;   ///< of this struct
  const char* interface;  ///< the fingerprint of the headers
  const char* toolchain;  ///< what compiled it, as far as it decides about layouts
  const char* greenroom;  ///< the version of the headers
  const char* name;       ///< as `plugin reload` knows it
  const char* version;    ///< the author's
};
inline constexpr std::uint32_t plugin_layout = 1;

}  // namespace greenroom

#define GREENROOM_TEXT_OF(what) #what
#define GREENROOM_TEXT(what) GREENROOM_TEXT_OF(what)
/// The compiler's major version, libstdc++'s own date and its string ABI: with these equal, the interface's types are laid
/// out equally.
#define GREENROOM_TOOLCHAIN                                                                                  \
  "g++ " GREENROOM_TEXT(__GNUC__) ", libstdc++ " GREENROOM_TEXT(__GLIBCXX__) " (string ABI " GREENROOM_TEXT( \
      _GLIBCXX_USE_CXX11_ABI) ")"

#define GREENROOM_PLUGIN(name, version)                                                                \
  extern "C" __attribute__((visibility("default"))) const greenroom::plugin_facts* plugin_facts_of() { \
    static const greenroom::plugin_facts facts{greenroom::plugin_layout,                               \
                                               GREENROOM_INTERFACE,                                    \
                                               GREENROOM_TOOLCHAIN,                                    \
                                               GREENROOM_INTERFACE_VERSION,                            \
                                               name,                                                   \
                                               version};                                               \
    return &facts;                                                                                     \
  }                                                                                                    \
  extern "C" __attribute__((visibility("default"))) void plugin_fill([[maybe_unused]] greenroom::extensions& into)
