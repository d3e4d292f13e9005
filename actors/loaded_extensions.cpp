#include "actors/loaded_extensions.hpp"

#include <algorithm>
#include <stdexcept>

#include "actors/context.hpp"
#include "actors/engine.hpp"
#include "runtime/log.hpp"

namespace greenroom {

loaded_extensions load_extensions(const runtime::config& config, extensions mine,
                                  const std::filesystem::path& scratch) {
  loaded_extensions loaded{.all = std::move(mine), .plugins = std::make_shared<plugins::record>()};
  auto& known = loaded.plugins->all;
  for (const auto& file : config.plugins.load) try {
      auto now = load_plugin(file, scratch);
      if (std::ranges::any_of(known, [&](const auto& each) { return each.library.name == now.name; }))
        throw plugin_refused{"there are two plugins named " + now.name};
      loaded.all.add(now.adds);
      runtime::log::info("a plugin was loaded", {{"plugin", now.name}, {"version", now.version}, {"file", file}});
      known.push_back({std::move(now)});
    } catch (const plugin_refused& e) {
      throw bad_config{"plugins.load: " + std::string{e.what()}};
    } catch (const std::invalid_argument& e) {
      throw bad_config{"plugins.load: " + file + ": " + e.what()};
    }
  return loaded;
}

void register_behaviours(context& ctx) {
  std::string known;
  for (const auto& behaviour : ctx.behaviours.names()) known += (known.empty() ? "" : ", ") + behaviour;
  for (const auto& [name, policy] : ctx.config.namespaces) {
    if (policy.behaviour.empty() || ctx.behaviours.find(policy.behaviour)) continue;
    throw bad_config{"namespace." + (name.empty() ? std::string{"default"} : name) + ".behaviour must be " +
                     (known.empty() ? "empty: nothing registers a room behaviour" : "empty or one of " + known) +
                     "; it is " + policy.behaviour};
  }
}

}  // namespace greenroom
