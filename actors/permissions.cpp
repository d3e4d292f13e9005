#include "actors/permissions.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "actors/engine.hpp"
#include "codecs/names.hpp"

namespace greenroom {
namespace {

using access::action;

constexpr std::uint32_t bit(action what) { return 1u << static_cast<unsigned>(what); }

constexpr std::array<std::pair<std::string_view, action>, 6> action_words{{{"join", action::join},
                                                                           {"publish", action::publish},
                                                                           {"read", action::read},
                                                                           {"members", action::members},
                                                                           {"send", action::send},
                                                                           {"presence", action::presence}}};
constexpr std::uint32_t of_rooms = bit(action::join) | bit(action::publish) | bit(action::read) | bit(action::members);
constexpr std::uint32_t of_users = bit(action::send) | bit(action::presence);

/// Compiles patterns into `to`; what is wrong with the first bad one.
std::string compile_patterns(std::string_view list, const std::vector<std::string>& written,
                             std::vector<runtime::grant_pattern>& to) {
  to.reserve(written.size());
  for (const auto& each : written) {
    const auto bad = [&](std::string_view why) {
      return std::string{list} + ": \"" + each + "\": " + std::string{why};
    };
    if (const auto flaw = codecs::flaw_of_name(each)) return bad(*flaw);
    auto read = runtime::grant_pattern::parse(each);
    if (const auto* why = std::get_if<std::string>(&read)) return bad(*why);
    to.push_back(std::get<runtime::grant_pattern>(std::move(read)));
  }
  return {};
}

bool any_allows(const std::vector<const grant*>& some, action what, std::string_view target,
                std::string_view user) noexcept {
  return std::ranges::any_of(some, [&](const auto* each) { return each->allows(what, target, user); });
}

}  // namespace

std::variant<grant, std::string> grant::compile(const codecs::jwt_grant& written) {
  grant made;
  for (const auto& each : written.actions) {
    const auto known = std::ranges::find(action_words, each, &std::pair<std::string_view, action>::first);
    if (known == action_words.end()) return "actions: \"" + each + "\": it is no action";
    made.actions_ |= bit(known->second);
  }
  if (written.rooms.empty() != ((made.actions_ & of_rooms) == 0)) return "rooms and actions in them need each other";
  if (written.users.empty() && (made.actions_ & of_users) != 0) return "it does not say with which users";
  if (!written.users.empty() && (made.actions_ & of_users) == 0) made.actions_ |= bit(action::send);
  if (!written.methods.empty()) made.actions_ |= bit(action::call);
  if (auto why = compile_patterns("rooms", written.rooms, made.rooms_); !why.empty()) return why;
  if (auto why = compile_patterns("methods", written.methods, made.methods_); !why.empty()) return why;
  if (auto why = compile_patterns("users", written.users, made.users_); !why.empty()) return why;
  return made;
}

const grant::patterns& grant::of(action what) const noexcept {
  switch (what) {
    case action::call: return methods_;
    case action::send:
    case action::presence: return users_;
    default: return rooms_;
  }
}

bool grant::allows(action what, std::string_view target, std::string_view user) const noexcept {
  if ((actions_ & bit(what)) == 0) return false;
  return std::ranges::any_of(of(what), [&](const auto& each) { return each.matches(target, user); });
}

permissions::permissions(const table& from) {
  for (const auto& [name, written] : from) {
    auto made = grant::compile({written.rooms, written.actions, written.methods, written.users});
    if (const auto* why = std::get_if<std::string>(&made)) throw bad_config{"grant." + name + "." + *why};
    const auto* one = all_.emplace_back(std::make_unique<const grant>(std::get<grant>(std::move(made)))).get();
    for (const std::string_view to : written.to) {
      const auto rest = to.substr(std::min(to.find(':') + 1, to.size()));
      if (to == "anyone")
        anyone_.push_back(one);
      else if (to == "authenticated")
        authenticated_.push_back(one);
      else if (to.starts_with("user:"))
        users_[std::string{rest}].push_back(one);
      else if (to.starts_with("role:"))
        roles_[std::string{rest}].push_back(one);
      else if (to.starts_with("scope:"))
        scopes_[std::string{rest}].push_back(one);
      else
        throw bad_config{"grant." + name + ".to: \"" + std::string{to} + "\" is nobody"};
    }
  }
}

bool permissions::allow(const principal& who, action what, std::string_view target,
                        std::size_t& looked_at) const noexcept {
  const std::string_view user = who.user.value;
  looked_at += anyone_.size();
  if (any_allows(anyone_, what, target, user)) return true;
  if (who.kind != identity::authenticated) return false;
  looked_at += authenticated_.size();
  if (any_allows(authenticated_, what, target, user)) return true;
  const auto own = users_.find(user);
  if (own == users_.end()) return false;
  looked_at += own->second.size();
  return any_allows(own->second, what, target, user);
}

std::vector<const grant*> permissions::of(std::string_view user, const std::vector<std::string>& roles,
                                          const std::vector<std::string>& scopes) const {
  std::vector<const grant*> found;
  const auto add = [&](const std::vector<const grant*>& some) { found.insert(found.end(), some.begin(), some.end()); };
  const auto add_of = [&](const index& in, std::string_view key) {
    if (const auto row = in.find(key); row != in.end()) add(row->second);
  };
  add(anyone_);
  add(authenticated_);
  add_of(users_, user);
  for (const auto& each : roles) add_of(roles_, each);
  for (const auto& each : scopes) add_of(scopes_, each);
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());  // clang 14 takes no ranges::unique
  return found;
}

std::shared_ptr<const permissions> make_permissions(const runtime::config& from) {
  return from.grants.empty() ? nullptr : std::make_shared<const permissions>(from.grants);
}

grants::grants(std::string user, std::vector<grant> own, std::vector<const grant*> of_config,
               std::shared_ptr<const permissions> config)
    : user_{std::move(user)}, own_{std::move(own)}, of_config_{std::move(of_config)}, config_{std::move(config)} {}

bool grants::allow(action what, std::string_view target) const noexcept {
  return std::ranges::any_of(own_, [&](const auto& each) { return each.allows(what, target, user_); }) ||
         any_allows(of_config_, what, target, user_);
}

std::variant<std::shared_ptr<const credential>, std::string> credential_of(
    const codecs::jwt_claims& token, const std::shared_ptr<const permissions>& config) {
  constexpr std::int64_t ms_per_s = 1'000;
  std::vector<grant> own;
  own.reserve(token.grants.size());
  for (const auto& each : token.grants) {
    auto made = grant::compile(each);
    if (const auto* why = std::get_if<std::string>(&made))
      return "A grant of the token is not what it must be: " + *why;
    own.push_back(std::get<grant>(std::move(made)));
  }
  std::vector<const grant*> of_config;
  if (config) of_config = config->of(token.subject, token.roles, token.scopes);
  auto shown = std::make_shared<credential>();
  shown->token_id = token.id;
  shown->issued_at_ms = static_cast<std::int64_t>(token.issued_at_s) * ms_per_s;
  shown->allowed = std::make_shared<const grants>(token.subject, std::move(own), std::move(of_config), config);
  return std::shared_ptr<const credential>{std::move(shown)};
}

namespace {

codecs::jwt_grant written(const storage::stored_grant& from) {
  return {.rooms = from.rooms, .actions = from.actions, .methods = from.methods, .users = from.users};
}

}  // namespace

std::shared_ptr<const credential> credential_of(const storage::stored_key& key,
                                                const std::shared_ptr<const permissions>& config) {
  std::vector<grant> own;
  for (const auto& each : key.grants) {
    auto made = grant::compile(written(each));
    if (auto* good = std::get_if<grant>(&made)) own.push_back(std::move(*good));
  }
  std::vector<const grant*> of_config;
  if (config) of_config = config->of(key.user, {}, key.scopes);
  auto shown = std::make_shared<credential>();
  shown->key_id = key.id;
  shown->issued_at_ms = key.created_ms;
  shown->scopes = key.scopes;
  shown->allowed = std::make_shared<const grants>(key.user, std::move(own), std::move(of_config), config);
  return shown;
}

std::string flaw_of(const storage::stored_grant& from) {
  auto made = grant::compile(written(from));
  auto* why = std::get_if<std::string>(&made);
  return why ? std::move(*why) : std::string{};
}

}  // namespace greenroom
