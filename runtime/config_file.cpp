#include "runtime/config_file.hpp"

#include <toml++/toml.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

namespace greenroom::runtime {
namespace {

std::string place_of(const std::string& name, const toml::source_region& where) {
  return std::string{name}.append(":").append(std::to_string(where.begin.line));
}

std::optional<written> value_of(const toml::node& node) {
  if (const auto* number = node.as_integer()) return written{number->get()};
  if (const auto* flag = node.as_boolean()) return written{flag->get()};
  if (const auto* text = node.as_string()) return written{text->get()};
  const auto* array = node.as_array();
  if (!array) return {};
  std::vector<std::string> entries;
  for (const auto& entry : *array) {
    const auto* text = entry.as_string();
    if (!text) return {};
    entries.push_back(text->get());
  }
  return written{std::move(entries)};
}

/// Walks the tables of one file.
class flattening {
 public:
  flattening(const std::string& name, std::vector<config_problem>& problems) : name_{name}, problems_{problems} {}

  void walk(const toml::table& table, const std::string& path) {
    for (const auto& [key, node] : table) {
      auto full = path.empty() ? std::string{key.str()} : std::string{path}.append(".").append(key.str());
      auto place = place_of(name_, node.source());
      if (const auto* inner = node.as_table()) {
        entries_.push_back({place, full});
        walk(*inner, full);
      } else if (auto value = value_of(node)) {
        entries_.push_back({std::move(place), std::move(full), std::move(value)});
      } else {
        problems_.push_back(
            {std::move(place), std::move(full), "must be an integer, a text, true, false or a list of texts"});
      }
    }
  }

  std::vector<config_entry> entries() && { return std::move(entries_); }

 private:
  const std::string& name_;
  std::vector<config_problem>& problems_;
  std::vector<config_entry> entries_;
};

}  // namespace

std::vector<config_entry> parse_config_file(std::string_view text, const std::string& name,
                                            std::vector<config_problem>& problems) {
  try {
    flattening all{name, problems};
    all.walk(toml::parse(text, name), {});
    return std::move(all).entries();
  } catch (const toml::parse_error& failed) {
    problems.push_back({place_of(name, failed.source()), {}, std::string{failed.description()}});
    return {};
  }
}

std::vector<config_entry> read_config_file(const std::string& path, std::vector<config_problem>& problems) {
  std::ifstream file{path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  if (!file) {
    problems.push_back({path, {}, "cannot be read: " + std::generic_category().message(errno)});
    return {};
  }
  return parse_config_file(text, path, problems);
}

}  // namespace greenroom::runtime
