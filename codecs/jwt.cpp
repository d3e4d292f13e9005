#include "codecs/jwt.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "codecs/base64.hpp"
#include "codecs/document.hpp"
#include "codecs/jwt_document.hpp"
#include "codecs/limits.hpp"
#include "codecs/params_reader.hpp"

namespace greenroom::codecs {
namespace {

constexpr bounds header_bounds{.depth = 8, .elements = 64}, claims_bounds{.depth = 16, .elements = 1'024};

using maybe_refusal = std::optional<jwt_refusal>;

struct parts {
  std::string_view header, claims, signature, input;
};

std::optional<parts> split(std::string_view token) {
  const auto first = token.find('.');
  const auto second = first == token.npos ? first : token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) return std::nullopt;
  return parts{.header = token.substr(0, first),
               .claims = token.substr(first + 1, second - first - 1),
               .signature = token.substr(second + 1),
               .input = token.substr(0, second)};
}

/// An object without a value that could not be passed on, no member twice.
maybe_refusal flaw_of(const value& root, jwt_refusal ill) {
  if (!root.is(kind::object) || first_flaw(root) != nullptr) return ill;
  if (has_repeated_member(root)) return jwt_refusal::repeated_member;
  return std::nullopt;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// A media type without its "application/" (RFC 7515 section 4.1.9), in which letter case does not count.
bool is_our_type(std::string_view typ) {
  std::string plain{typ.substr(0, 32)};
  std::ranges::transform(plain, plain.begin(), lower);
  constexpr std::string_view prefix = "application/";
  if (plain.starts_with(prefix)) plain.erase(0, prefix.size());
  return plain == "jwt" || plain == "at+jwt";
}

struct header {
  jwt_algorithm alg{};
  std::string kid;
};

std::variant<header, jwt_refusal> take_header(const value& root) {
  if (const auto flaw = flaw_of(root, jwt_refusal::ill_header)) return *flaw;
  const auto* alg = find(root, "alg");
  if (alg == nullptr || !alg->is(kind::text)) return jwt_refusal::ill_header;
  if (std::ranges::equal(alg->text(), std::string_view{"none"}, {}, lower)) return jwt_refusal::unsigned_token;
  const auto known = jwt_algorithm_of(alg->text());
  if (!known) return jwt_refusal::unknown_algorithm;
  if (find(root, "crit") != nullptr) return jwt_refusal::critical_header;
  if (find(root, "b64") != nullptr) return jwt_refusal::unencoded_payload;
  if (const auto* typ = find(root, "typ")) {
    if (!typ->is(kind::text)) return jwt_refusal::ill_header;
    if (!is_our_type(typ->text())) return jwt_refusal::wrong_type;
  }
  header taken{.alg = *known, .kid = {}};
  if (const auto* kid = find(root, "kid")) {
    if (!kid->is(kind::text) || kid->count == 0 || kid->count > limits::jwt_kid_bytes_max)
      return jwt_refusal::ill_header;
    taken.kid = kid->text();
  }
  return taken;
}

jwt_refusal refusal_of(key_set::miss why) {
  switch (why) {
    case key_set::miss::unknown: return jwt_refusal::unknown_key;
    case key_set::miss::ambiguous: return jwt_refusal::ambiguous_key;
    case key_set::miss::wrong_algorithm: break;
  }
  return jwt_refusal::wrong_algorithm;
}

/// The key under which the token's signature holds.
std::variant<const jwt_key*, jwt_refusal> signed_with(const parts& of, const header& head, const key_set& keys) {
  const auto found = keys.find(head.kid, head.alg);
  if (const auto* miss = std::get_if<key_set::miss>(&found)) return refusal_of(*miss);
  const auto& [key, by_id] = std::get<key_set::hit>(found);
  const auto signature = from_base64url(of.signature);
  if (!signature) return jwt_refusal::not_base64url;
  if (!key->well_formed(*signature)) return jwt_refusal::ill_signature;
  if (key->verifies(of.input, *signature)) return key;
  // Whoever fetches keys looks for new ones when an id is unknown, and that it is.
  return by_id ? jwt_refusal::wrong_signature : jwt_refusal::unknown_key;
}

/// Reads members of the claims; the first that is not as it must be is remembered.
class claims_reader {
 public:
  explicit claims_reader(const value& root) : root_{root} {}

  maybe_refusal why;

  std::string text(std::string_view member, std::size_t bytes_max) {
    const auto* what = find(root_, member);
    if (what == nullptr) return {};
    if (!what->is(kind::text) || what->count > bytes_max) return refuse(jwt_refusal::ill_claims), std::string{};
    return std::string{what->text()};
  }

  /// RFC 7519 allows fractions; here they are refused, as are the years after 9999.
  std::uint64_t time(std::string_view member, std::uint64_t absent) {
    const auto* what = find(root_, member);
    if (what == nullptr) return absent;
    if (!what->is(kind::natural) || what->natural > limits::jwt_time_max)
      return refuse(jwt_refusal::ill_claims), absent;
    return what->natural;
  }

  std::string subject() {
    std::optional<error> flaw;
    auto name = params_reader{format::json, &root_, flaw}.name("sub", limits::user_bytes_max);
    if (flaw) refuse(jwt_refusal::ill_subject);
    return name;
  }

  void audience(const std::vector<std::string>& ours) {
    const auto* aud = find(root_, "aud");
    if (aud == nullptr) return ours.empty() ? void() : refuse(jwt_refusal::wrong_audience);
    const auto is_text = [](const value& v) { return v.is(kind::text) && v.count <= limits::jwt_name_bytes_max; };
    const auto is_ours = [&](const value& v) { return std::ranges::find(ours, v.text()) != ours.end(); };
    bool ill = aud->count > limits::jwt_audiences_max, named = false;
    if (is_text(*aud)) {
      ill = false;
      named = is_ours(*aud);
    } else if (aud->is(kind::array) && !ill) {
      for (const value& each : items_of(*aud)) {
        ill |= !is_text(each);
        named |= !ill && is_ours(each);
      }
    } else {
      ill = true;
    }
    if (ill) return refuse(jwt_refusal::ill_claims);
    if (!named) refuse(jwt_refusal::wrong_audience);
  }

  /// A list of texts, or one text with spaces between its words.
  std::vector<std::string> words(std::string_view member) {
    std::vector<std::string> taken;
    const auto* what = member.empty() ? nullptr : find(root_, member);
    if (what == nullptr) return taken;
    if (what->is(kind::array))
      return texts(*what, limits::jwt_roles_max, limits::jwt_role_bytes_max, jwt_refusal::ill_roles);
    if (!what->is(kind::text)) return refuse(jwt_refusal::ill_roles), taken;
    for (auto rest = what->text(); !rest.empty();) {
      const auto end = std::min(rest.find(' '), rest.size());
      if (end > limits::jwt_role_bytes_max || taken.size() == limits::jwt_roles_max)
        return refuse(jwt_refusal::ill_roles), std::vector<std::string>{};
      if (end != 0) taken.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return taken;
  }

  /// One grant, or a list of them. A member that nobody here knows is another program's.
  std::vector<jwt_grant> grants(std::string_view member) {
    std::vector<jwt_grant> taken;
    const auto* what = member.empty() ? nullptr : find(root_, member);
    if (what == nullptr) return taken;
    if (what->is(kind::object)) {
      taken.push_back(grant(*what));
    } else if (what->is(kind::array) && what->count <= limits::jwt_grants_max) {
      for (const value& each : items_of(*what)) taken.push_back(grant(each));
    } else {
      refuse(jwt_refusal::ill_grants);
    }
    return taken;
  }

  bool has(std::string_view member) const { return find(root_, member) != nullptr; }

  void refuse(jwt_refusal with) {
    if (!why) why = with;
  }

 private:
  std::vector<std::string> texts(const value& list, std::size_t count_max, std::size_t bytes_max, jwt_refusal ill) {
    std::vector<std::string> taken;
    bool good = list.is(kind::array) && list.count <= count_max;
    if (good)
      for (const value& each : items_of(list)) {
        good = good && each.is(kind::text) && each.count != 0 && each.count <= bytes_max;
        if (good) taken.emplace_back(each.text());
      }
    if (!good) refuse(ill);
    return taken;
  }

  jwt_grant grant(const value& what) {
    jwt_grant taken;
    if (!what.is(kind::object)) return refuse(jwt_refusal::ill_grants), taken;
    const auto list = [&](std::string_view member, std::vector<std::string>& to) {
      if (const auto* found = find(what, member))
        to = texts(*found, limits::jwt_grant_entries_max, limits::jwt_grant_bytes_max, jwt_refusal::ill_grants);
    };
    list("rooms", taken.rooms);
    list("actions", taken.actions);
    list("methods", taken.methods);
    list("users", taken.users);
    return taken;
  }

  const value& root_;
};

jwt_verdict take_claims(const value& root, const jwt_trust& trust, const std::string& kid, std::uint64_t now_s,
                        std::string document) {
  if (const auto flaw = flaw_of(root, jwt_refusal::ill_claims)) return *flaw;
  auto taken = std::make_shared<jwt_claims>();
  claims_reader reader{root};
  taken->issuer = reader.text("iss", limits::jwt_name_bytes_max);
  taken->id = reader.text("jti", limits::jwt_id_bytes_max);
  taken->expires_at_s = reader.time("exp", limits::jwt_time_max);
  taken->not_before_s = reader.time("nbf", 0);
  taken->issued_at_s = reader.time("iat", 0);
  taken->subject = reader.subject();
  if (!trust.issuers.empty() && std::ranges::find(trust.issuers, taken->issuer) == trust.issuers.end())
    reader.refuse(jwt_refusal::wrong_issuer);
  reader.audience(trust.audiences);
  taken->roles = reader.words(trust.roles_claim);
  taken->scopes = reader.words("scope");
  taken->grants = reader.grants(trust.grants_claim);
  if (trust.expiry == jwt_expiry::required && !reader.has("exp")) reader.refuse(jwt_refusal::no_expiry);
  if (const auto late = untimely(*taken, now_s)) reader.refuse(*late);
  if (reader.why) return *reader.why;
  taken->kid = kid;
  taken->document = std::move(document);
  return jwt_claims_ptr{std::move(taken)};
}

constexpr auto last_refusal = jwt_refusal::ill_grants;
constexpr std::array<std::string_view, static_cast<std::size_t>(last_refusal) + 1> sentences{
    "The token is too long.",
    "The token is no JWS: it must have three parts with a dot between them.",
    "A part of the token is not base64url, unpadded and in its only spelling.",
    "The token's header is not a small JSON object with the members that it must have.",
    "A member stands twice in the token's header or claims.",
    "The token is not signed: its algorithm is \"none\".",
    "The token's algorithm is none that greenroom knows.",
    "The token's header has \"crit\": extensions that greenroom does not know.",
    "The token's header has \"b64\": unencoded payloads are not taken.",
    "The token's type is neither JWT nor at+jwt.",
    "No key has the id that the token names.",
    "The token's algorithm is not the one that the key holds.",
    "The token names no key, and several have its algorithm.",
    "The token's signature is none that its algorithm can make.",
    "The token's signature is not that of the key.",
    "The token's claims are not a JSON object, or one of iss, jti, aud, exp, nbf and iat is not what it must be.",
    "The token's subject is missing, or is not a name that a user may have.",
    "The token's issuer is not one that is trusted.",
    "The token is not meant for this audience.",
    "The token does not say when it expires.",
    "The token has expired.",
    "The token is not valid yet.",
    "The token says that it was issued in the future.",
    "The token's roles or its scope are neither a list of texts nor a text with spaces, or there are too many.",
    "The token's grants are not {rooms, actions, methods, users}, lists of texts, or a list of such, or are too many.",
};

}  // namespace

std::string_view sentence_of(jwt_refusal why) noexcept { return sentences[static_cast<std::size_t>(why)]; }

std::optional<jwt_refusal> untimely(const jwt_claims& claims, std::uint64_t now_s) noexcept {
  if (now_s >= claims.expires_at_s && now_s - claims.expires_at_s >= limits::jwt_leeway_s) return jwt_refusal::expired;
  if (claims.not_before_s > now_s && claims.not_before_s - now_s > limits::jwt_leeway_s)
    return jwt_refusal::not_yet_valid;
  if (claims.issued_at_s > now_s && claims.issued_at_s - now_s > limits::jwt_leeway_s)
    return jwt_refusal::issued_in_future;
  return std::nullopt;
}

jwt_verdict verify_jwt(std::string_view token, const jwt_trust& trust, std::uint64_t now_s) {
  if (token.size() > limits::token_bytes_max) return jwt_refusal::too_long;
  const auto of = split(token);
  if (!of) return jwt_refusal::not_three_parts;

  borrowed_document read;
  const auto head_json = from_base64url(of->header);
  if (!head_json) return jwt_refusal::not_base64url;
  if (read->read(format::json, *head_json, header_bounds)) return jwt_refusal::ill_header;
  const auto head = take_header(read->root());
  if (const auto* why = std::get_if<jwt_refusal>(&head)) return *why;

  const auto key = signed_with(*of, std::get<header>(head), *trust.keys);
  if (const auto* why = std::get_if<jwt_refusal>(&key)) return *why;

  auto claims_json = from_base64url(of->claims);
  if (!claims_json) return jwt_refusal::not_base64url;
  if (read->read(format::json, *claims_json, claims_bounds)) return jwt_refusal::ill_claims;
  const auto& kid = std::get<const jwt_key*>(key)->kid();
  return take_claims(read->root(), trust, kid, now_s, std::move(*claims_json));
}

}  // namespace greenroom::codecs
