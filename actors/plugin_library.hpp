/// PLUGIN_LIBRARY loads one plugin's file: checks what it was built for, and takes what it adds.
///
/// Threading: one at a time; it blocks for the file. Lifecycle: what it loads is never unloaded.
/// Failure: plugin_refused with a sentence for whoever operates the node; nothing of the library is used then, though
///   its code may stay mapped.
#pragma once
#include <filesystem>
#include <stdexcept>
#include <string>

#include "actors/extensions.hpp"

namespace greenroom {

struct plugin_refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct plugin_library {
  std::filesystem::path file;  ///< as the config names it
  std::string name, version;
  extensions adds;
};

/// `scratch`: a directory of the node's own, for the copy that is loaded and removed again.
plugin_library load_plugin(const std::filesystem::path& file, const std::filesystem::path& scratch);

}  // namespace greenroom
