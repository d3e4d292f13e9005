#include "actors/schemas.hpp"

#include <cerrno>
#include <fstream>
#include <system_error>

#include "actors/engine.hpp"
#include "codecs/document.hpp"
#include "codecs/json_writer.hpp"
#include "runtime/shard.hpp"

namespace greenroom {
namespace {

[[noreturn]] void refuse(const std::string& entry, const std::string& why) { throw bad_config{entry + ": " + why}; }

std::string contents_of(const std::string& entry, const std::string& file) {
  errno = 0;
  std::ifstream in{file, std::ios::binary};
  if (!in) refuse(entry, "the file cannot be opened: " + std::generic_category().message(errno));
  std::string all;
  for (char c = 0; all.size() <= codecs::limits::schema_file_bytes_max && in.get(c);) all += c;
  if (in.bad()) refuse(entry, "the file cannot be read: " + std::generic_category().message(errno));
  return all;
}

/// `NAME=FILE`, or `FILE` with an empty name.
std::pair<std::string, std::string> parted(const std::string& entry) {
  const auto equals = entry.find('=');
  if (equals == std::string::npos) return {{}, entry};
  return {entry.substr(0, equals), entry.substr(equals + 1)};
}

enum class unwrap : std::uint8_t { nothing, single_item };

template <class Copies>
std::optional<codecs::schema_flaw> flaw_of(const Copies& rules, const codecs::payload_ptr& what, unwrap how) {
  const auto* here = runtime::shard::current();
  auto& mine = *rules[here ? here->id() % rules.size() : 0];
  std::lock_guard guard{mine.mutex};
  if (!what) return mine.rules.check_nothing();
  if (how == unwrap::nothing) return mine.rules.check(*what);
  codecs::borrowed_document read;
  if (read->read(what->origin(), what->original(), codecs::unbounded)) return mine.rules.check(*what);
  const auto& root = read->root();
  return mine.rules.check(root.is(codecs::kind::array) && root.count == 1 ? *(&root + 1) : root);
}

codecs::error error_of(const codecs::schema_flaw& flaw) {
  auto why = codecs::make_error(
      codecs::error_code::invalid_params,
      "the schema's \"" + flaw.keyword + "\" does not hold" + (flaw.path.empty() ? std::string{} : " at " + flaw.path));
  std::string data;
  codecs::json_writer json{data};
  json.begin_object();
  json.key("path"), json.text(flaw.path);
  json.key("keyword"), json.text(flaw.keyword);
  json.key("message"), json.text(why.message);
  json.end_object();
  why.data = std::make_shared<const codecs::payload>(codecs::format::json, std::move(data));
  return why;
}

template <class Copies>
std::optional<codecs::error> check(const Copies* rules, const codecs::payload_ptr& what, unwrap how) {
  if (rules == nullptr) return std::nullopt;
  const auto flaw = flaw_of(*rules, what, how);
  return flaw ? std::optional{error_of(*flaw)} : std::nullopt;
}

}  // namespace

schemas::schemas(const runtime::config& from, std::size_t shards) {
  const auto read = [shards](const std::string& entry, const std::string& file) {
    const auto text = contents_of(entry, file);
    copies all;
    while (all.size() < shards) {
      std::string why;
      auto rules = codecs::schema::read(text, why);
      if (!rules) refuse(entry, why);
      all.push_back(std::make_unique<copy>(std::move(*rules)));
    }
    return all;
  };
  for (const auto& [name, how] : from.namespaces) {
    for (const auto& text : how.schemas) {
      const auto entry = "namespace." + (name.empty() ? "default" : name) + ".schemas: " + text;
      const auto [event, file] = parted(text);
      auto& to = event.empty() ? namespaces_[name].others : namespaces_[name].by_name[event];
      if (!to.empty()) refuse(entry, "there is another schema for that");
      to = read(entry, file);
    }
  }
  for (const auto& text : from.schemas.methods) {
    const auto entry = "schemas.methods: " + text;
    const auto [method, file] = parted(text);
    if (method.empty()) refuse(entry, "must be METHOD=FILE");
    if (methods_.contains(method)) refuse(entry, "there is another schema for that");
    methods_[method] = read(entry, file);
  }
}

const schemas::copies* schemas::of(std::string_view name_space, std::string_view event) const {
  const auto found = namespaces_.find(name_space);
  if (found == namespaces_.end()) return nullptr;
  const auto& [by_name, others] = found->second;
  if (const auto own = by_name.find(event); own != by_name.end()) return &own->second;
  return others.empty() ? nullptr : &others;
}

std::optional<codecs::error> schemas::of_event(std::string_view name_space, std::string_view event,
                                               const codecs::payload_ptr& body) const {
  return check(of(name_space, event), body, unwrap::nothing);
}

std::optional<codecs::error> schemas::of_channel_event(std::string_view name_space, std::string_view event,
                                                       const codecs::payload_ptr& params) const {
  return check(of(name_space, event), params, unwrap::single_item);
}

std::optional<codecs::error> schemas::of_method(std::string_view method, const codecs::payload_ptr& params) const {
  const auto found = methods_.find(method);
  return check(found == methods_.end() ? nullptr : &found->second, params, unwrap::single_item);
}

std::shared_ptr<const schemas> make_schemas(const runtime::config& from, std::size_t shards) {
  auto all = std::make_shared<const schemas>(from, shards);
  return all->empty() ? nullptr : all;
}

}  // namespace greenroom
