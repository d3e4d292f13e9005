// The two texts that are made from the table of keys: the reference and the file of defaults.
#include <sstream>

#include "runtime/config.hpp"
#include "runtime/config_keys.hpp"

namespace greenroom::runtime {
namespace {

constexpr std::size_t comment_columns = 100;

/// The sentence as comment lines.
void write_comment(std::ostream& out, std::string_view text) {
  std::istringstream words{std::string{text}};
  std::size_t column = 0;
  for (std::string word; words >> word; column += word.size() + 1) {
    if (column == 0 || column + word.size() > comment_columns) {
      out << (column == 0 ? "#" : "\n#");
      column = 1;
    }
    out << ' ' << word;
  }
  out << '\n';
}

std::string title_of(std::string_view name) {
  return name.empty() ? "namespace.default" : "namespace." + std::string{name};
}

/// With its unit where it has one.
std::string setting_text(const place& of, value_kind kind) {
  const auto with_unit = plain_text(of, kind);
  if ((kind != value_kind::duration && kind != value_kind::size) || with_unit == "0") return toml_text(of);
  return std::string{"\""}.append(with_unit).append("\"");
}

template <class Settings>
void write_rows(std::ostream& out, std::span<const config_key<Settings>> keys, Settings& defaults,
                std::string_view section) {
  out << "| key | default | expected | what it does |\n|---|---|---|---|\n";
  for (const auto& key : keys)
    if (key.section == section)
      out << "| `" << key.name << "` | `" << plain_text(key.at(defaults), key.kind) << "` | "
          << expectation(key.at(defaults), key.kind, key.range) << " | " << key.doc << " |\n";
  out << '\n';
}

template <class Settings>
void write_settings(std::ostream& out, std::span<const config_key<Settings>> keys, Settings& values,
                    std::string_view section) {
  for (const auto& key : keys) {
    if (key.section != section) continue;
    write_comment(out, key.doc);
    write_comment(out, "Expected: " + expectation(key.at(values), key.kind, key.range) + ".");
    out << key.name << " = " << setting_text(key.at(values), key.kind) << "\n\n";
  }
}

}  // namespace

std::string config_reference() {
  auto defaults = default_config();
  std::ostringstream out;
  out << "# Configuration\n\n"
         "Later sources win: the defaults, the file (`--config FILE`, TOML), the environment\n"
         "(`GREENROOM_` + section + `_` + key, in capitals), the command line (`--set section.key=value`).\n"
         "Durations are integers in milliseconds or text like `\"300ms\"`, `\"25s\"`, `\"2h\"`, `\"7d\"`; sizes are\n"
         "integers in bytes or text like `\"64KiB\"`, `\"16MiB\"`, `\"1GiB\"`. `greenroom config check FILE` names "
         "every\n"
         "problem of a file with its line; a node with such a file does not start (exit code 78).\n\n";
  for (const auto& [name, doc] : config_sections()) {
    out << "## `[" << name << "]`\n\n" << doc << "\n\n";
    write_rows(out, node_keys(), defaults, name);
  }
  out << "## `[namespace.NAME]`\n\n"
         "The policy of the rooms whose names begin with `NAME:`; `[namespace.default]` is that of all other rooms.\n"
         "`durable` and `feed` are defined, too; their defaults differ as `greenroom config default` shows. With "
         "`--dev`\n"
         "everyone on the same machine may join, publish, read and see who is there.\n\n";
  write_rows(out, namespace_keys(), defaults.namespaces.find(config::default_namespace)->second, "namespace");
  out << "## `[endpoint.NAME]`\n\n"
         "A path that clients connect to and the protocol that is spoken there. `native` (`/ws`), `socketio`\n"
         "(`/socket.io/`) and `phoenix` (`/socket`) are defined; any name may be added.\n\n";
  endpoint_config plain;
  write_rows(out, endpoint_keys(), plain, "endpoint");
  out << "## `[grant.NAME]`\n\n"
         "What some callers may beside what the namespaces and `[access]` allow everybody. There is none by default: "
         "what\n"
         "nothing allows is refused. A token brings grants of its own in the claim `tokens.grants_claim`.\n\n";
  grant_config nothing;
  write_rows(out, grant_keys(), nothing, "grant");
  return std::move(out).str();
}

std::string config_defaults(preset base) {
  auto values = default_config(base);
  std::ostringstream out;
  out << "# Every setting of Greenroom with its default. `greenroom config doc` explains more.\n\n";
  for (const auto& [name, doc] : config_sections()) {
    write_comment(out, doc);
    out << "[" << name << "]\n\n";
    write_settings(out, node_keys(), values, name);
  }
  for (auto& [name, policy] : values.namespaces) {
    out << "[" << title_of(name) << "]\n\n";
    write_settings(out, namespace_keys(), policy, "namespace");
  }
  for (auto& [name, endpoint] : values.endpoints) {
    out << "[endpoint." << name << "]\n\n";
    write_settings(out, endpoint_keys(), endpoint, "endpoint");
  }
  return std::move(out).str();
}

}  // namespace greenroom::runtime
