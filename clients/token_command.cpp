#include "clients/token_command.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fstream>
#include <map>
#include <memory>

#include "clients/command_options.hpp"
#include "clients/json_text.hpp"
#include "clients/payload_argument.hpp"
#include "codecs/jwt_mint.hpp"

namespace greenroom::clients {
namespace {

using fault = payload_failure::kind;

std::string contents_of(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  std::string all;
  for (char c = 0; all.size() <= codecs::limits::jwt_pem_bytes_max && in.get(c);) all += c;
  if (in.bad() || all.empty()) throw payload_failure{fault::unreadable, file + " cannot be read"};
  return all;
}

codecs::jwt_signer signer_of(const token_options& what) {
  auto text = contents_of(what.key_file);
  std::string why;
  if (codecs::is_hmac(what.alg)) {  // as the node reads it: the line end of the file is not part of the secret
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
  }
  auto made = codecs::is_hmac(what.alg)
                  ? codecs::jwt_signer::from_secret(what.alg, text, codecs::jwt_secret_form::raw, what.kid, why)
                  : codecs::jwt_signer::from_pem(what.alg, text, what.kid, why);
  if (!made) throw payload_failure{fault::not_json, what.key_file + ": " + why};
  return std::move(*made);
}

/// A list of JSON values.
std::string list_of(const std::vector<std::string>& values) {
  std::string list;
  for (const auto& each : values) list.append(list.empty() ? "[" : ",").append(each);
  return list + ']';
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const auto& each : words) all.append(all.empty() ? "" : " ").append(each);
  return all;
}

/// The claims that a node's config has names for; the names are the defaults.
void add_permissions(const token_options& what, object_text& to) {
  if (!what.roles.empty()) {
    std::vector<std::string> quoted;
    for (const auto& each : what.roles) quoted.push_back(clients::quoted(each));
    to.raw("roles", list_of(quoted));
  }
  for (const auto& each : what.grants)
    if (!each.starts_with('{') || !is_json(each))
      throw payload_failure{fault::not_json,
                            each + R"(: a grant is {"rooms": [], "actions": [], "methods": [], "users": []})"};
  if (!what.grants.empty()) to.raw("greenroom", list_of(what.grants));
}

/// A value that is JSON is that, and any other is a text.
std::string object_of(const token_options& what) {
  if (what.claims.empty() && what.roles.empty() && what.grants.empty()) return {};
  object_text all;
  add_permissions(what, all);
  for (const auto& each : what.claims) {
    const auto equals = each.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw payload_failure{fault::not_json, each + ": a claim is NAME=VALUE"};
    const auto value = each.substr(equals + 1);
    all.raw(each.substr(0, equals), is_json(value) ? value : clients::quoted(value));
  }
  return all.str();
}

}  // namespace

exit_code mint_token(const token_options& what, std::uint64_t now_s, terminal& to) {
  const auto signer = signer_of(what);
  codecs::jwt_order order;
  order.subject = what.subject;
  order.issuer = what.issuer;
  order.audiences = what.audiences;
  order.issued_at_s = now_s;
  order.expires_at_s = now_s + static_cast<std::uint64_t>(what.ttl.count());
  order.scope = joined(what.scopes);
  order.more = object_of(what);
  to.line(codecs::mint_jwt(order, signer));
  return exit_code::ok;
}

void add_token_command(CLI::App& app, std::function<int()>& chosen) {
  constexpr std::int64_t minute = 60, hour = 60 * minute, day = 24 * hour, ttl_max = 3'650 * day;
  auto& command = *app.add_subcommand("token", "Sign a token for development and print it; no node is asked");
  const auto options = std::make_shared<token_options>();
  command.add_option("--key", options->key_file, "A private key as PEM, or the file of a secret")
      ->type_name("FILE")
      ->required();
  std::map<std::string, codecs::jwt_algorithm> names;
  for (const char* each : {"HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA"})
    names.emplace(each, *codecs::jwt_algorithm_of(each));
  command
      .add_option_function<std::string>(
          "--alg", [options](const std::string& name) { options->alg = *codecs::jwt_algorithm_of(name); },
          "HS256, HS384, HS512, RS256, PS256, ES256 or EdDSA: the one that the key is for")
      ->type_name("ALGORITHM")
      ->check(CLI::IsMember(names).description(""))
      ->required();
  command.add_option("--sub", options->subject, "Whose token it is")->type_name("USER")->required();
  command
      .add_option_function<std::int64_t>(
          "--ttl", [options](std::int64_t s) { options->ttl = std::chrono::seconds{s}; },
          "How long it holds: seconds, or as 15m, 8h, 30d [1h]")
      ->type_name("TIME")
      ->transform(
          CLI::AsNumberWithUnit(std::map<std::string, std::int64_t>{{"s", 1}, {"m", minute}, {"h", hour}, {"d", day}})
              .description(""))
      ->check(CLI::Range(std::int64_t{1}, ttl_max).description(""));
  command.add_option("--kid", options->kid, "The id that the node's config gives the key")->type_name("ID");
  command.add_option("--iss", options->issuer, "Its issuer, as tokens.issuers")->type_name("ISSUER");
  command.add_option("--aud", options->audiences, "Its audience, as tokens.audiences; may be repeated")
      ->type_name("AUDIENCE")
      ->allow_extra_args(false);
  command
      .add_option("--role", options->roles, "A role of the user, for to = [\"role:NAME\"] of a grant; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command.add_option("--scope", options->scopes, "A scope, for to = [\"scope:NAME\"] of a grant; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command.add_option("--grant", options->grants, "What the token allows by itself, as JSON; may be repeated")
      ->type_name("JSON")
      ->allow_extra_args(false);
  command.add_option("--claim", options->claims, "A further claim; a VALUE that is JSON is that; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  teach(
      command,
      "Examples:\n"
      "  openssl ecparam -name prime256v1 -genkey -noout -out key.pem && openssl ec -in key.pem -pubout -out pub.pem\n"
      "  greenroom serve --set tokens.keys=ES256:pub.pem --set namespace.default.join=authenticated\n"
      "  greenroom sub lobby --token $(greenroom token --key key.pem --alg ES256 --sub ann --ttl 8h)\n"
      "  greenroom token --key key.pem --alg ES256 --sub ann --role staff \\\n"
      "    --grant '{\"rooms\": [\"inbox:${user}\"], \"actions\": [\"join\", \"publish\"]}'");
  run_when_chosen(command, options, chosen, [](const auto& what, terminal& to) {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return mint_token(what, static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(since).count()),
                      to);
  });
}

}  // namespace greenroom::clients
