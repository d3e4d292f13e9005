/// The table of keys: what each setting is called, what it may be, and why one would change it. Reading a config,
/// checking it, the reference and the file of defaults are made from it. Defaults are the initializers in `config.hpp`.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "runtime/config.hpp"
#include "runtime/config_value.hpp"

namespace greenroom::runtime {

template <class Settings>
struct config_key {
  std::string_view section;  ///< "gateway"; for namespaces "namespace", for endpoints "endpoint"
  std::string_view name;
  value_kind kind;
  value_range range;
  place (*at)(Settings& in);
  std::string_view doc;  ///< sentences

  std::string full_name() const { return std::string{section}.append(".").append(name); }
};

struct config_section {
  std::string_view name;
  std::string_view doc;
};

std::span<const config_section> config_sections();
std::span<const config_key<config>> node_keys();                 ///< section by section
std::span<const config_key<config>> tls_keys();                  ///< those of `[tls]`, part of `node_keys`
std::span<const config_key<config>> limits_keys();               ///< those of `[limits.SCOPE]`, part of `node_keys`
limits_config default_limits();                                  ///< of a node without `--dev`
std::span<const config_key<namespace_config>> namespace_keys();  ///< of each `[namespace.NAME]`
std::span<const config_key<endpoint_config>> endpoint_keys();    ///< of each `[endpoint.NAME]`

/// A relation between settings that no single range can say.
template <class Settings>
struct config_rule {
  std::string_view key;  ///< the setting to change; of a namespace without its section
  bool (*holds)(const Settings& of);
  std::string_view sentence;  ///< "must …"
};

std::span<const config_rule<config>> node_rules();
std::span<const config_rule<config>> tls_rules();                  ///< part of `node_rules`
std::span<const config_rule<config>> limits_rules();               ///< part of `node_rules`
std::span<const config_rule<namespace_config>> namespace_rules();  ///< for each namespace
std::span<const config_rule<endpoint_config>> endpoint_rules();    ///< for each endpoint

}  // namespace greenroom::runtime
