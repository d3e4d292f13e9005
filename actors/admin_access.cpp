#include "actors/admin_access.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "actors/admin_request.hpp"
#include "actors/api_keys.hpp"
#include "actors/context.hpp"
#include "actors/key_text.hpp"
#include "actors/limits.hpp"
#include "actors/permissions.hpp"
#include "actors/revocations.hpp"
#include "actors/session_directory.hpp"
#include "actors/store_writer.hpp"
#include "codecs/json_writer.hpp"
#include "codecs/limits.hpp"
#include "codecs/utf8.hpp"
#include "runtime/local_socket.hpp"
#include "runtime/log.hpp"
#include "storage/operation.hpp"

namespace greenroom::admin_access {
namespace {

using admin::bad_member;
using admin::peer_ptr;
using admin::refuse;
using codecs::error_code;
using codecs::json_writer;
using storage::revoked;

constexpr std::size_t scope_bytes_max = 64;
constexpr std::int64_t day_ms = 24ll * 3600 * 1000, revoked_default_ms = 30 * day_ms, lasts_max_ms = 3650 * day_ms;

struct request : admin::members {
  runtime::actor_base* self;
  context& ctx;
  peer_ptr to;

  std::string needed(std::string_view name) const {
    auto said = text_or_none(name);
    if (said.empty()) throw bad_member{"`" + std::string{name} + "` is missing"};
    if (said.size() > storage::limits::name_bytes_max) throw bad_member{"`" + std::string{name} + "` is too long"};
    return said;
  }
  revoked kind() const {
    const auto said = text_or_none("kind");
    for (const auto each : {revoked::user, revoked::session, revoked::token})
      if (said == word_of(each)) return each;
    throw bad_member{"`kind` is user, session or token"};
  }
};

std::vector<std::string> texts_of(const codecs::value& list, std::string_view name) {
  std::vector<std::string> all;
  const auto no_list = bad_member{"`" + std::string{name} + "` is no list of texts"};
  if (!list.is(codecs::kind::array)) throw no_list;
  for (const auto& each : codecs::items_of(list)) {
    if (!each.is(codecs::kind::text) || each.text().empty()) throw no_list;
    all.emplace_back(each.text());
  }
  return all;
}

std::vector<std::string> scopes_of(const request& r) {
  const auto* said = r.member("scopes");
  auto all = said ? texts_of(*said, "scopes") : std::vector<std::string>{};
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == ':';
  };
  for (const auto& each : all)
    if (each.size() > scope_bytes_max || !std::ranges::all_of(each, fits))
      throw bad_member{"a scope is at most 64 of a-z, 0-9, _, -, . and :"};
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());  // clang 14 takes no ranges::unique
  return all;
}

storage::stored_grant grant_of(const codecs::value& said) {
  constexpr std::array<std::string_view, 4> actions{"join", "publish", "read", "members"};
  storage::stored_grant grant;
  if (!said.is(codecs::kind::object)) throw bad_member{"a grant is an object"};
  for (const auto& [name, list] : {std::pair{"rooms", &grant.rooms}, std::pair{"actions", &grant.actions},
                                   std::pair{"methods", &grant.methods}, std::pair{"users", &grant.users}})
    if (const auto* found = codecs::find(said, name)) *list = texts_of(*found, name);
  for (const auto& each : grant.actions)
    if (std::ranges::find(actions, each) == actions.end())
      throw bad_member{"an action is join, publish, read or members"};
  if (grant.rooms.empty() != grant.actions.empty())
    throw bad_member{"a grant of rooms says which actions, and in which"};
  if (grant == storage::stored_grant{}) throw bad_member{"a grant without rooms, methods and users grants nothing"};
  if (const auto why = flaw_of(grant); !why.empty()) throw bad_member{"a grant is not what it must be: " + why};
  return grant;
}

std::vector<storage::stored_grant> grants_of(const request& r) {
  std::vector<storage::stored_grant> all;
  const auto* said = r.member("grants");
  if (!said) return all;
  if (!said->is(codecs::kind::array)) throw bad_member{"`grants` is no list"};
  for (const auto& each : codecs::items_of(*said)) all.push_back(grant_of(each));
  return all;
}

/// Answers with one object.
template <class Write>
void answer(const peer_ptr& to, Write write) {
  std::string out;
  json_writer json{out};
  json.begin_object();
  write(json);
  json.end_object();
  to->send_line(out);
}

void write_texts(json_writer& json, std::string_view name, const std::vector<std::string>& all) {
  json.key(name);
  json.begin_array(all.size());
  for (const auto& each : all) json.item(), json.text(each);
  json.end_array();
}

/// Tells the directory that something was revoked; `then` takes how many sessions end, nothing: it does not answer, and
/// the keeper tells it again.
template <class Then>
void end_sessions(const request& r, Then then) {
  runtime::ask(r.self, r.ctx.sessions, limits::ask_timeout, session_directory::look_for_revoked{})
      .then([then](const session_directory::look_for_revoked::reply& told) { then(std::optional{told.sessions}); },
            [then](const caf::error&) { then(std::optional<std::uint64_t>{}); });
}

/// It holds, but the store has not said that it will after a restart.
void refuse_unstored(const peer_ptr& to, storage::errc why) {
  refuse(to,
         why == storage::errc::outcome_unknown
             ? "it holds now, and whether the store has it is not known: say it again"
             : "it holds now, but the store takes nothing: say it again, or it ends with the node",
         why == storage::errc::outcome_unknown ? error_code::timed_out : error_code::unavailable);
}

void write_sessions(json_writer& json, std::optional<std::uint64_t> ended) {
  json.key("sessions");
  ended ? json.natural(*ended) : json.null();
}

// --- keys

void key_add(const request& r) {
  auto& ctx = r.ctx;
  storage::stored_key key;
  key.user = r.needed("user");
  if (key.user.size() > codecs::limits::user_bytes_max || !codecs::is_utf8(key.user))
    throw bad_member{"`user` is no name that a user may have"};
  key.scopes = scopes_of(r);
  key.grants = grants_of(r);
  key.note = r.text_or_none("note");
  key.created_ms = ctx.now_ms();
  const auto lasts = r.natural("for_ms", 0);
  if (lasts > static_cast<std::uint64_t>(lasts_max_ms)) throw bad_member{"it lasts up to ten years, or for ever"};
  if (lasts != 0) key.expires_ms = key.created_ms + static_cast<std::int64_t>(lasts);
  if (ctx.keys->size() >= storage::limits::api_keys_max)
    return refuse(r.to, "there are " + std::to_string(storage::limits::api_keys_max) + " API keys, and no more may be",
                  error_code::unavailable);
  auto made = key_text::mint();
  while (ctx.keys->has(made.id)) made = key_text::mint();
  key.id = made.id;
  key.hash = made.hash;
  store_writer::write_one(r.self, ctx, storage::api_key_put{key},
                          [to = r.to, &ctx, key, text = std::move(made.text)](const storage::outcome& done) {
                            if (done.error == storage::errc::too_large)
                              return refuse(to, "scopes, grants and note are too long", error_code::invalid_params);
                            if (!done.ok())
                              return refuse(to, "the store takes nothing now: there is no key",
                                            error_code::unavailable);
                            ctx.keys->put(key);
                            runtime::log::info("an API key was made", {{"key", key.id}, {"user", key.user}});
                            answer(to, [&](json_writer& json) {
                              json.key("key"), json.text(text);
                              json.key("id"), json.text(key.id);
                              json.key("user"), json.text(key.user);
                              json.key("expires_ms"), json.integer(key.expires_ms);
                            });
                          });
}

void write_key(json_writer& json, const storage::stored_key& key) {
  json.begin_object();
  json.key("id"), json.text(key.id);
  json.key("user"), json.text(key.user);
  write_texts(json, "scopes", key.scopes);
  json.key("grants");
  json.begin_array(key.grants.size());
  for (const auto& each : key.grants) {
    json.item();
    json.begin_object();
    write_texts(json, "rooms", each.rooms);
    write_texts(json, "actions", each.actions);
    write_texts(json, "methods", each.methods);
    write_texts(json, "users", each.users);
    json.end_object();
  }
  json.end_array();
  json.key("note"), json.text(key.note);
  json.key("created_ms"), json.integer(key.created_ms);
  json.key("expires_ms"), json.integer(key.expires_ms);
  json.key("used_ms"), json.integer(key.used_ms);
  json.end_object();
}

void key_list(const request& r) {
  const auto limit = r.limit();
  const auto found = r.ctx.keys->list(r.text_or_none("after"), limit);
  answer(r.to, [&](json_writer& json) {
    json.key("keys");
    json.begin_array(found.size());
    for (const auto& each : found) json.item(), write_key(json, each);
    json.end_array();
    json.key("now_ms"), json.integer(r.ctx.now_ms());
    if (found.size() == limit) json.key("next"), json.text(found.back().id);
  });
}

void key_revoke(const request& r) {
  const auto id = r.needed("id");
  const auto key = r.ctx.keys->erase(id);  // at once: what follows takes its time
  if (key) runtime::log::info("an API key was revoked", {{"key", id}, {"user", key->user}});
  end_sessions(r, [self = r.self, &ctx = r.ctx, to = r.to, id, key](std::optional<std::uint64_t> ended) {
    store_writer::write_one(self, ctx, storage::api_key_erase{id}, [=](const storage::outcome& done) {
      if (done.error == storage::errc::not_found && !key)
        return refuse(to, "there is no API key " + id, error_code::not_found);
      if (!done.ok() && done.error != storage::errc::not_found) return refuse_unstored(to, done.error);
      answer(to, [&](json_writer& json) {
        json.key("id"), json.text(id);
        if (key) json.key("user"), json.text(key->user);
        write_sessions(json, ended);
      });
    });
  });
}

// --- revocations

void revoke(const request& r) {
  auto& ctx = r.ctx;
  storage::stored_revocation one{.kind = r.kind(), .name = r.needed("name")};
  one.note = r.text_or_none("note");
  if (one.note.size() > storage::limits::name_bytes_max) throw bad_member{"`note` is too long"};
  const auto lasts = r.natural("for_ms", static_cast<std::uint64_t>(revoked_default_ms));
  if (lasts == 0 || lasts > static_cast<std::uint64_t>(lasts_max_ms)) throw bad_member{"it lasts up to ten years"};
  one.at_ms = ctx.now_ms();
  one.until_ms = one.at_ms + static_cast<std::int64_t>(lasts);
  if (ctx.revoked->size() >= storage::limits::revocations_max && !ctx.revoked->find(one.kind, one.name))
    return refuse(r.to,
                  "there are " + std::to_string(storage::limits::revocations_max) +
                      " revocations, and no more may be before one is over or undone",
                  error_code::unavailable);
  ctx.revoked->put(one);
  runtime::log::info("revoked", {{"kind", word_of(one.kind)}, {"name", one.name}});
  end_sessions(r, [self = r.self, &ctx, to = r.to, one](std::optional<std::uint64_t> ended) {
    store_writer::write_one(self, ctx, storage::revocation_put{one}, [=](const storage::outcome& done) {
      if (!done.ok()) return refuse_unstored(to, done.error);
      answer(to, [&](json_writer& json) {
        json.key("kind"), json.text(word_of(one.kind));
        json.key("name"), json.text(one.name);
        json.key("until_ms"), json.integer(one.until_ms);
        write_sessions(json, ended);
      });
    });
  });
}

void revoke_list(const request& r) {
  const auto kind = r.kind();
  const auto limit = r.limit();
  const auto found = r.ctx.revoked->list(kind, r.text_or_none("after"), limit);
  answer(r.to, [&](json_writer& json) {
    json.key("revoked");
    json.begin_array(found.size());
    for (const auto& each : found) {
      json.item();
      json.begin_object();
      json.key("kind"), json.text(word_of(each.kind));
      json.key("name"), json.text(each.name);
      json.key("at_ms"), json.integer(each.at_ms);
      json.key("until_ms"), json.integer(each.until_ms);
      json.key("note"), json.text(each.note);
      json.end_object();
    }
    json.end_array();
    json.key("now_ms"), json.integer(r.ctx.now_ms());
    if (found.size() == limit) json.key("next"), json.text(found.back().name);
  });
}

/// First in the store: until that has said so it holds.
void revoke_undo(const request& r) {
  const auto kind = r.kind();
  const auto name = r.needed("name");
  store_writer::write_one(r.self, r.ctx, storage::revocation_erase{kind, name},
                          [to = r.to, &ctx = r.ctx, kind, name](const storage::outcome& done) {
                            if (!done.ok() && done.error != storage::errc::not_found)
                              return refuse(to, "the store takes nothing now: it still holds", error_code::unavailable);
                            const bool was = ctx.revoked->erase(kind, name);
                            if (!was && !done.ok()) return refuse(to, "that was not revoked", error_code::not_found);
                            runtime::log::info("a revocation was undone", {{"kind", word_of(kind)}, {"name", name}});
                            answer(to, [&](json_writer& json) {
                              json.key("kind"), json.text(word_of(kind));
                              json.key("name"), json.text(name);
                            });
                          });
}

using command = admin::command<request>;
constexpr std::array all_commands{command{"key_add", key_add},         command{"key_list", key_list},
                                  command{"key_revoke", key_revoke},   command{"revoke", revoke},
                                  command{"revoke_list", revoke_list}, command{"revoke_undo", revoke_undo}};

}  // namespace

bool answered(runtime::actor_base* self, context& ctx, const peer_ptr& to, std::string_view command,
              const codecs::value& input) {
  const auto found = std::ranges::find(all_commands, command, &admin_access::command::name);
  if (found == all_commands.end()) return false;
  if (!ctx.keys || !ctx.revoked) return refuse(to, "this node keeps no API keys", error_code::unavailable), true;
  admin::run(*found, request{{input}, self, ctx, to});
  return true;
}

std::string commands() { return admin::names_of(all_commands); }

}  // namespace greenroom::admin_access
