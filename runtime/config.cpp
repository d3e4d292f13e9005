#include "runtime/config.hpp"

#include <algorithm>
#include <cctype>
#include <numeric>

#include "runtime/config_file.hpp"
#include "runtime/config_keys.hpp"

namespace greenroom::runtime {
namespace {

constexpr std::string_view environment_prefix = "GREENROOM_";
constexpr std::string_view namespace_prefix = "namespace.";
constexpr std::string_view endpoint_prefix = "endpoint.";
constexpr std::string_view grant_prefix = "grant.";
constexpr std::string_view default_name = "default";  // how the file calls the default namespace
constexpr std::size_t namespace_name_max = 64;

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const auto replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

struct nearest {
  std::string key;
  std::size_t distance = SIZE_MAX;
};

nearest nearest_of(std::string_view wrong, const std::vector<std::string>& known) {
  nearest best;
  for (const auto& key : known)
    if (const auto distance = edit_distance(wrong, key); distance < best.distance) best = {key, distance};
  return best;
}

std::string upper(std::string text) {
  for (auto& c : text) c = c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string lower(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool is_namespace_name(std::string_view name) {
  return !name.empty() && name.size() <= namespace_name_max &&
         std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; });
}

permission granted(preset base) { return base == preset::dev ? permission::anyone : permission::nobody; }

namespace_config namespace_defaults(preset base) {
  namespace_config made;
  made.join = made.publish = made.read = made.members = granted(base);
  return made;
}

/// Applies entries in their order and collects what is wrong with them.
class reading {
 public:
  explicit reading(preset base) : base_{base} { out_.value = default_config(base); }

  std::vector<config_problem>& problems() { return out_.problems; }

  void apply(const config_entry& entry) {
    if (entry.key.starts_with(namespace_prefix)) return apply_to_namespace(entry);
    if (entry.key.starts_with(endpoint_prefix))
      return apply_to_named(entry, endpoint_prefix, endpoint_keys(), out_.value.endpoints);
    if (entry.key.starts_with(grant_prefix)) return apply_to_grant(entry);
    if (!entry.value) return;
    for (const auto& key : node_keys())
      if (key.full_name() == entry.key) return set(entry, key, out_.value);
    unknown(entry, names_of(node_keys(), ""));
  }

  void apply_environment(const std::string& name, const std::string& value) {
    if (!name.starts_with(environment_prefix)) return;
    std::vector<std::string> known;
    for (const auto& key : node_keys()) {
      known.push_back(std::string{environment_prefix} + upper(key.full_name()));
      if (known.back() == name) return set({name, key.full_name(), value}, key, out_.value);
    }
    if (apply_to_table(name, value, namespace_prefix, namespace_keys())) return;
    if (apply_to_table(name, value, endpoint_prefix, endpoint_keys())) return;
    if (apply_to_table(name, value, grant_prefix, grant_keys())) return;
    // GREENROOM_URL and its like belong to the command line; only what looks like a setting is one.
    const auto meant = nearest_of(name, known);
    if (meant.distance <= typing_error_max || is_in_section(name))
      out_.problems.push_back({name, {}, "is no known setting; the nearest one is " + meant.key});
  }

  config_result finish() && {
    if (!out_.problems.empty()) return std::move(out_);
    for (const auto& rule : node_rules())
      if (!rule.holds(out_.value)) out_.problems.push_back({{}, std::string{rule.key}, std::string{rule.sentence}});
    for (const auto& [name, policy] : out_.value.namespaces)
      for (const auto& rule : namespace_rules())
        if (!rule.holds(policy))
          out_.problems.push_back({{}, namespace_key(name, rule.key), std::string{rule.sentence}});
    check_endpoints();
    for (const auto& [name, grant] : out_.value.grants)
      for (const auto& rule : grant_rules())
        if (!rule.holds(grant))
          out_.problems.push_back(
              {{}, std::string{grant_prefix}.append(name).append(".").append(rule.key), std::string{rule.sentence}});
    return std::move(out_);
  }

 private:
  static constexpr std::size_t typing_error_max = 2;

  static std::string namespace_key(std::string_view name, std::string_view key) {
    return std::string{namespace_prefix}.append(name.empty() ? default_name : name).append(".").append(key);
  }

  /// GREENROOM_NAMESPACE_CHAT_DURABLE and its like.
  template <class Keys>
  bool apply_to_table(const std::string& name, const std::string& value, std::string_view prefix, const Keys& keys) {
    const auto start = std::string{environment_prefix} + upper(std::string{prefix});
    for (const auto& key : keys) {
      const auto end = "_" + upper(std::string{key.name});
      if (!name.starts_with(start) || !name.ends_with(end) || name.size() <= start.size() + end.size()) continue;
      const auto which = lower(name.substr(start.size(), name.size() - start.size() - end.size()));
      apply({name, std::string{prefix}.append(which).append(".").append(key.name), value});
      return true;
    }
    return false;
  }

  void check_endpoints() {
    const auto full = [](std::string_view name, std::string_view key) {
      return std::string{endpoint_prefix}.append(name).append(".").append(key);
    };
    std::map<std::string_view, std::string_view> by_path;
    for (const auto& [name, endpoint] : out_.value.endpoints) {
      if (endpoint.protocol == endpoint_protocol::off) continue;
      for (const auto& rule : endpoint_rules())
        if (!rule.holds(endpoint)) out_.problems.push_back({{}, full(name, rule.key), std::string{rule.sentence}});
      const auto [place, fresh] = by_path.emplace(endpoint.path, name);
      if (!fresh)
        out_.problems.push_back({{}, full(name, "path"), "must not be that of endpoint." + std::string{place->second}});
    }
  }

  static bool is_in_section(const std::string& name) {
    return std::ranges::any_of(config_sections(), [&name](const auto& section) {
      return name.starts_with(std::string{environment_prefix} + upper(std::string{section.name}) + "_");
    });
  }

  template <class Keys>
  static std::vector<std::string> names_of(const Keys& keys, std::string_view name) {
    std::vector<std::string> names;
    for (const auto& key : keys) names.push_back(name.empty() ? key.full_name() : namespace_key(name, key.name));
    return names;
  }

  void apply_to_namespace(const config_entry& entry) {
    auto name = entry.key.substr(namespace_prefix.size());
    std::string key;
    if (entry.value) {
      const auto dot = name.rfind('.');
      if (dot == std::string::npos)
        return out_.problems.push_back({entry.place, entry.key, "must be a table, like [namespace.chat]"});
      key = name.substr(dot + 1);
      name.resize(dot);
    }
    if (!is_namespace_name(name))
      return out_.problems.push_back(
          {entry.place, entry.key, "must name its namespace with at most 64 letters, digits, - and _"});
    const auto stored = name == default_name ? std::string{config::default_namespace} : name;
    auto& policy = out_.value.namespaces.try_emplace(stored, namespace_defaults(base_)).first->second;
    if (!entry.value) return;
    for (const auto& known : namespace_keys())
      if (known.name == key) return set(entry, known, policy);
    unknown(entry, names_of(namespace_keys(), name));
  }

  /// A table of a section that has one for each name: an endpoint, a grant.
  template <class Keys, class Tables>
  void apply_to_named(const config_entry& entry, std::string_view prefix, const Keys& keys, Tables& tables) {
    const std::string what{prefix.substr(0, prefix.size() - 1)};
    auto name = entry.key.substr(prefix.size());
    const auto dot = name.rfind('.');
    if (!entry.value || dot == std::string::npos) {
      if (entry.value) out_.problems.push_back({entry.place, entry.key, "must be a table, like [" + what + ".chat]"});
      return;
    }
    const auto key = name.substr(dot + 1);
    name.resize(dot);
    if (!is_namespace_name(name))
      return out_.problems.push_back(
          {entry.place, entry.key, "must name its " + what + " with at most 64 letters, digits, - and _"});
    auto& table = tables[name];
    for (const auto& known : keys)
      if (known.name == key) return set(entry, known, table);
    std::vector<std::string> known;
    for (const auto& each : keys) known.push_back(std::string{prefix}.append(name).append(".").append(each.name));
    unknown(entry, known);
  }

  /// Its entries are patterns and words, which are checked here, where the line of the file is known.
  void apply_to_grant(const config_entry& entry) {
    const auto problems = out_.problems.size();
    apply_to_named(entry, grant_prefix, grant_keys(), out_.value.grants);
    if (!entry.value || out_.problems.size() != problems) return;
    const auto dot = entry.key.rfind('.');
    auto& grant = out_.value.grants[entry.key.substr(grant_prefix.size(), dot - grant_prefix.size())];
    const auto key = entry.key.substr(dot + 1);
    for (const auto& each : grant_keys()) {
      if (each.name != key) continue;
      if (const auto why = grant_flaw(key, *std::get<std::vector<std::string>*>(each.at(grant))))
        out_.problems.push_back({entry.place, entry.key, *why});
    }
  }

  template <class Key, class Settings>
  void set(const config_entry& entry, const Key& key, Settings& in) {
    if (const auto expected = assign(key.at(in), key.kind, key.range, *entry.value))
      out_.problems.push_back({entry.place, entry.key, "must be " + *expected});
  }

  void unknown(const config_entry& entry, const std::vector<std::string>& known) {
    out_.problems.push_back(
        {entry.place, entry.key, "is no known key; the nearest one is " + nearest_of(entry.key, known).key});
  }

  preset base_;
  config_result out_;
};

}  // namespace

config default_config(preset base) {
  constexpr std::uint64_t durable_messages = 1'000'000;
  constexpr std::int64_t durable_age_ms = 7ll * 24 * 3600 * 1000;
  config made;
  if (base == preset::dev) {
    made.access.anonymous = anonymous_access::loopback;
    made.access.workers = permission::anyone;
    made.access.call = made.access.send = made.access.presence = permission::anyone;
  } else {
    made.limits = default_limits();
  }
  const auto plain = namespace_defaults(base);
  auto& durable = made.namespaces["durable"] = plain;
  durable.durable = true;
  durable.history_count = durable_messages;
  durable.history_age_ms = durable_age_ms;
  auto& feed = made.namespaces["feed"] = plain;
  feed.history_count = 0;
  feed.presence = false;
  feed.slow_members = slow_policy::latest;
  made.namespaces.emplace(config::default_namespace, plain);
  made.endpoints["native"] = {.path = "/ws", .protocol = endpoint_protocol::native};
  made.endpoints["socketio"] = {.path = "/socket.io/", .protocol = endpoint_protocol::socketio};
  made.endpoints["phoenix"] = {.path = "/socket", .protocol = endpoint_protocol::phoenix};
  return made;
}

std::vector<std::pair<std::string, std::string>> environment_of(const char* const* variables) {
  std::vector<std::pair<std::string, std::string>> found;
  for (; variables && *variables; ++variables) {
    const std::string_view variable{*variables};
    const auto equals = variable.find('=');
    if (variable.starts_with(environment_prefix) && equals != std::string_view::npos)
      found.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return found;
}

std::string config_problem::text() const {
  std::string out = place;
  if (!out.empty()) out += ": ";
  if (!key.empty()) out += key + " ";
  return out += message;
}

config_result load_config(const config_sources& from) {
  reading all{from.base};
  if (from.file)
    for (const auto& entry : read_config_file(*from.file, all.problems())) all.apply(entry);
  for (const auto& [name, value] : from.environment) all.apply_environment(name, value);
  for (const auto& [key, value] : from.overrides) all.apply({"--set", key, value});
  return std::move(all).finish();
}

}  // namespace greenroom::runtime
