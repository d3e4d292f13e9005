/// LOADED_EXTENSIONS are what a node starts with: the program's own extensions and those of the plugins that its config
/// names, checked against each other and against the config. Failure: bad_config with a sentence.
#pragma once
#include <filesystem>
#include <memory>

#include "actors/extensions.hpp"
#include "actors/plugins.hpp"
#include "runtime/config.hpp"

namespace greenroom {

struct loaded_extensions {
  extensions all;
  std::shared_ptr<plugins::record> plugins;  ///< for the actor that reloads them
};

/// `scratch`: see load_plugin().
loaded_extensions load_extensions(const runtime::config& config, extensions mine, const std::filesystem::path& scratch);

/// Makes the behaviours of ctx.extensions the current builds; every namespace must find its own among them.
void register_behaviours(context& ctx);

}  // namespace greenroom
