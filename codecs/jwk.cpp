#include "codecs/jwk.hpp"

#include <algorithm>

#include "codecs/base64.hpp"
#include "codecs/document.hpp"
#include "codecs/jwt_document.hpp"
#include "codecs/jwt_key_set.hpp"

namespace greenroom::codecs {
namespace {

constexpr bounds within{.depth = 8, .elements = 4'096};

/// The text of a member; empty where there is none, nothing where it is something else.
std::optional<std::string_view> text_of(const value& jwk, std::string_view member) {
  const auto* what = find(jwk, member);
  if (what == nullptr) return std::string_view{};
  if (!what->is(kind::text)) return std::nullopt;
  return what->text();
}

/// One JWK on its way to a key; the first thing that is wrong stands in `why`.
class jwk_reader {
 public:
  jwk_reader(const value& jwk, jwk_origin from, std::string& why) : jwk_{jwk}, from_{from}, why_{why} {}

  std::optional<jwt_key> read() {
    why_.clear();
    if (!jwk_.is(kind::object)) why_ = "A key must be an object.";
    if (why_.empty() && has_repeated_member(jwk_)) why_ = "A key has a member twice.";
    if (!why_.empty()) return std::nullopt;
    const auto kty = text("kty");
    kid_ = text("kid");
    check_use();
    if (!why_.empty()) return std::nullopt;
    if (kty == "RSA") return rsa();
    if (kty == "EC") return p256();
    if (kty == "OKP") return ed25519();
    if (kty == "oct") return secret();
    return refuse("A key is of no type that tokens use.");
  }

 private:
  std::nullopt_t refuse(std::string_view sentence) {
    if (why_.empty()) why_ = sentence;
    return std::nullopt;
  }

  std::string text(std::string_view member) {
    const auto found = text_of(jwk_, member);
    if (!found) refuse("\"" + std::string{member} + "\" of a key must be a string.");
    return std::string{found.value_or(std::string_view{})};
  }

  std::string number(std::string_view member) {
    const auto bytes = from_base64url(text(member));
    if (!bytes || bytes->empty()) refuse("\"" + std::string{member} + "\" of a key must be bytes in base64url.");
    return bytes.value_or(std::string{});
  }

  void check_use() {
    const auto use = text("use");
    if (find(jwk_, "use") != nullptr && use != "sig") refuse("A key is not for signatures.");
    const auto* operations = find(jwk_, "key_ops");
    if (operations == nullptr) return;
    bool verify = false;
    if (operations->is(kind::array))
      for (const value& each : items_of(*operations)) verify |= each.is(kind::text) && each.text() == "verify";
    if (!verify) refuse("A key is not for checking signatures.");
  }

  /// The key's `alg`, which must be one of those that its type can have.
  std::optional<jwt_algorithm> algorithm(std::initializer_list<jwt_algorithm> possible,
                                         std::optional<jwt_algorithm> absent) {
    const auto name = text("alg");
    if (!why_.empty()) return std::nullopt;
    const auto alg = find(jwk_, "alg") == nullptr ? absent : jwt_algorithm_of(name);
    if (alg && std::ranges::find(possible, *alg) != possible.end()) return alg;
    return refuse("A key is for another algorithm, or does not say for which.");
  }

  std::optional<jwt_key> rsa() {
    const auto alg = algorithm({jwt_algorithm::rs256, jwt_algorithm::ps256}, jwt_algorithm::rs256);
    const auto n = number("n"), e = number("e");
    if (!why_.empty()) return std::nullopt;
    return jwt_key::from_rsa(*alg, n, e, kid_, why_);
  }
  std::optional<jwt_key> p256() {
    if (text("crv") != "P-256") return refuse("A key is on another curve than P-256.");
    algorithm({jwt_algorithm::es256}, jwt_algorithm::es256);
    const auto x = number("x"), y = number("y");
    if (!why_.empty()) return std::nullopt;
    return jwt_key::from_p256(x, y, kid_, why_);
  }
  std::optional<jwt_key> ed25519() {
    if (text("crv") != "Ed25519") return refuse("A key is on another curve than Ed25519.");
    algorithm({jwt_algorithm::eddsa}, jwt_algorithm::eddsa);
    const auto x = number("x");
    if (!why_.empty()) return std::nullopt;
    return jwt_key::from_ed25519(x, kid_, why_);
  }
  std::optional<jwt_key> secret() {
    if (from_ == jwk_origin::fetched) return refuse("A secret in a published set is no secret.");
    const auto alg = algorithm({jwt_algorithm::hs256, jwt_algorithm::hs384, jwt_algorithm::hs512}, std::nullopt);
    const auto k = number("k");
    if (!why_.empty()) return std::nullopt;
    return jwt_key::from_secret(*alg, k, jwt_secret_form::raw, kid_, why_);
  }

  const value& jwk_;
  jwk_origin from_;
  std::string& why_;
  std::string kid_;
};

}  // namespace

std::optional<jwt_key> read_jwk(std::string_view json, jwk_origin from, std::string& why) {
  borrowed_document read;
  if (json.size() > limits::jwk_set_bytes_max || read->read(format::json, json, within))
    return why = "This is no JSON document.", std::nullopt;
  return jwk_reader{read->root(), from, why}.read();
}

std::optional<jwk_set> read_jwk_set(std::string_view json, jwk_origin from, std::string& why) {
  why.clear();
  borrowed_document read;
  if (json.size() > limits::jwk_set_bytes_max) return why = "The key set is too long.", std::nullopt;
  if (read->read(format::json, json, within)) return why = "The key set is no JSON document.", std::nullopt;
  const auto& root = read->root();
  const auto* list = root.is(kind::object) && !has_repeated_member(root) ? find(root, "keys") : nullptr;
  if (list == nullptr || !list->is(kind::array))
    return why = "A key set must be an object with a list of \"keys\", and no member twice.", std::nullopt;
  if (list->count > limits::jwt_keys_max)
    return why = "The key set has more than " + std::to_string(limits::jwt_keys_max) + " keys.", std::nullopt;

  jwk_set set;
  for (const value& each : items_of(*list)) {
    std::string flaw;
    if (auto key = jwk_reader{each, from, flaw}.read())
      set.keys.push_back(std::move(*key));
    else
      set.skipped.push_back(std::move(flaw));
  }
  const auto same_id = [&](const jwt_key& key) {
    return !key.kid().empty() && std::ranges::count(set.keys, key.kid(), &jwt_key::kid) > 1;
  };
  if (std::ranges::any_of(set.keys, same_id)) return why = "The key set has the same id twice.", std::nullopt;
  return set;
}

}  // namespace greenroom::codecs
