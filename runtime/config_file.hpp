/// A config file as a flat list of entries, so that a file, the environment and the command line are applied by the
/// same code.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config.hpp"
#include "runtime/config_value.hpp"

namespace greenroom::runtime {

struct config_entry {
  std::string place;               ///< "greenroom.toml:12", "GREENROOM_LOG_LEVEL", "--set"
  std::string key;                 ///< "gateway.listen", "namespace.chat.join"
  std::optional<written> value{};  ///< none: a table, which by itself sets nothing
};

/// Reads TOML. What cannot be read, or is no value that a setting may have, becomes a problem.
std::vector<config_entry> read_config_file(const std::string& path, std::vector<config_problem>& problems);
/// The same for text that was read already; `name` stands in the places.
std::vector<config_entry> parse_config_file(std::string_view text, const std::string& name,
                                            std::vector<config_problem>& problems);

}  // namespace greenroom::runtime
