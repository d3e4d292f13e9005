/// PERMISSIONS are what single callers may beside what the namespaces and `[access]` allow everybody: the grants of the
/// config, and those of a token.
///
///   [grant.NAME] ──▶ permissions ─┐ those to anyone, to the authenticated, to the user, its roles, its scopes
///   the token's claim ────────────┴─▶ grants ──▶ allow(action, target)
///
/// They only ever add: what nothing allows is refused.
/// Lifecycle: `permissions` are compiled at start, `grants` when a credential is accepted; neither ever changes.
/// Threading: any. Bounds: those of the config's lists and of a token. Failure: bad_config with key and reason; of a
/// token a sentence for the log.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "actors/access.hpp"
#include "actors/credential.hpp"
#include "codecs/jwt.hpp"
#include "runtime/config.hpp"
#include "runtime/grant_pattern.hpp"
#include "storage/api_key.hpp"

namespace greenroom {

/// One grant, compiled.
class grant {
 public:
  /// What it allows, as it is written; what is wrong with that: a sentence without its end.
  static std::variant<grant, std::string> compile(const codecs::jwt_grant& written);

  bool allows(access::action what, std::string_view target, std::string_view user) const noexcept;

 private:
  using patterns = std::vector<runtime::grant_pattern>;

  const patterns& of(access::action what) const noexcept;

  std::uint32_t actions_ = 0;  ///< bits
  patterns rooms_, methods_, users_;
};

class permissions {
 public:
  using table = std::map<std::string, runtime::grant_config, std::less<>>;

  explicit permissions(const table& from);

  /// Those of a caller that has shown nothing, or nothing that is known here. `looked_at`: how many there were.
  bool allow(const principal& who, access::action what, std::string_view target, std::size_t& looked_at) const noexcept;
  /// Those of a user who has shown who it is. They live as long as this object.
  std::vector<const grant*> of(std::string_view user, const std::vector<std::string>& roles,
                               const std::vector<std::string>& scopes) const;

 private:
  using index = std::map<std::string, std::vector<const grant*>, std::less<>>;

  std::vector<std::unique_ptr<const grant>> all_;
  std::vector<const grant*> anyone_, authenticated_;
  index users_, roles_, scopes_;
};

/// What one credential adds, and the grants of the config that are its holder's.
class grants {
 public:
  grants(std::string user, std::vector<grant> own, std::vector<const grant*> of_config,
         std::shared_ptr<const permissions> config);

  bool allow(access::action what, std::string_view target) const noexcept;
  std::size_t size() const noexcept { return own_.size() + of_config_.size(); }

 private:
  std::string user_;
  std::vector<grant> own_;
  std::vector<const grant*> of_config_;
  std::shared_ptr<const permissions> config_;
};

/// As the config says; null where it has no grant.
std::shared_ptr<const permissions> make_permissions(const runtime::config& from);

/// What such a token shows. `config`: null where the node has no grants. Or what is wrong with the token's own.
std::variant<std::shared_ptr<const credential>, std::string> credential_of(
    const codecs::jwt_claims& token, const std::shared_ptr<const permissions>& config);

/// What whoever comes with that API key shows. Those of its grants that cannot be compiled grant nothing: they are
/// checked when it is made.
std::shared_ptr<const credential> credential_of(const storage::stored_key& key,
                                                const std::shared_ptr<const permissions>& config);
/// What is wrong with a grant of a key, as a sentence without its end; empty: nothing.
std::string flaw_of(const storage::stored_grant& written);

}  // namespace greenroom
