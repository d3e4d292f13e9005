#include "actors/plugin_library.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <string_view>
#include <system_error>

#include "actors/plugin.hpp"

namespace greenroom {
namespace {

namespace fs = std::filesystem;

using facts_function = const plugin_facts* (*)();
using fill_function = void (*)(extensions&);

/// A path that was never loaded: the loader gives a file that it knows again, whatever stands in it now.
fs::path copy_of(const fs::path& file, const fs::path& scratch) {
  static std::atomic<unsigned> copies{0};
  std::error_code failed;
  fs::create_directories(scratch, failed);
  auto copy = scratch / (std::to_string(::getpid()) + '-' + std::to_string(++copies) + '-' + file.filename().string());
  if (!failed) fs::copy_file(file, copy, fs::copy_options::overwrite_existing, failed);
  if (failed) throw plugin_refused{file.string() + " cannot be read: " + failed.message()};
  return copy;
}

template <class Function>
Function symbol(void* library, const char* name) {
  return reinterpret_cast<Function>(::dlsym(library, name));
}

/// What it was built for, against what this node is; empty: the same.
std::string differences(const plugin_facts& built) {
  if (built.layout != plugin_layout)
    return "its facts have layout " + std::to_string(built.layout) + ", this node's " + std::to_string(plugin_layout);
  const std::string_view interface { built.interface }, toolchain{built.toolchain};
  if (interface == GREENROOM_INTERFACE && toolchain == GREENROOM_TOOLCHAIN) return {};
  return "it was built for Greenroom " + std::string{built.greenroom} + ", interface " + std::string{interface} +
         ", by " + std::string{toolchain} +
         "; this node is " GREENROOM_INTERFACE_VERSION ", interface " GREENROOM_INTERFACE
         ", built by " GREENROOM_TOOLCHAIN ": build it again with this node's headers";
}

}  // namespace

plugin_library load_plugin(const fs::path& file, const fs::path& scratch) {
  const auto copy = copy_of(file, scratch);
  void* library = ::dlopen(copy.c_str(), RTLD_NOW | RTLD_LOCAL);
  const std::string why = library ? "" : ::dlerror();
  std::error_code ignored;
  fs::remove(copy, ignored);
  if (!library) throw plugin_refused{file.string() + " cannot be loaded: " + why};
  const auto facts = symbol<facts_function>(library, "plugin_facts_of");
  const auto fill = symbol<fill_function>(library, "plugin_fill");
  if (!facts || !fill) throw plugin_refused{file.string() + " is no plugin of Greenroom: it has no GREENROOM_PLUGIN"};
  const auto& built = *facts();
  if (auto what = differences(built); !what.empty()) throw plugin_refused{file.string() + " does not fit: " + what};
  plugin_library made{.file = file, .name = built.name, .version = built.version, .adds = {}};
  try {
    fill(made.adds);
  } catch (const std::exception& e) {
    throw plugin_refused{file.string() + " cannot be used: " + e.what()};
  }
  return made;
}

}  // namespace greenroom
