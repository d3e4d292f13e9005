/// PERMISSION_FIXTURE is a closed node that believes one key. It has the service `bot`, which serves the channels
/// `game:*`, too. Config and grants may be changed until the first client comes.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "actors/tokens.hpp"
#include "tests/codecs/jwt_samples.hpp"
#include "tests/support/scripted_service.hpp"

namespace greenroom::tests {

struct permission_fixture : service_fixture {
  permission_fixture() {
    config = runtime::default_config(runtime::preset::closed);
    config.namespaces["chat"] = {};
    service_channel games{.pattern = "game:*"};
    games.event = [](service_behaviour&, service_request request) { request.reply(json_document("true")); };
    games.open = [](service_behaviour&, channel_opening who) { who.accept(); };
    games.closed = [this](service_behaviour&, const party& who, const std::string& channel) {
      closed.push_back(channel + ' ' + who.user.value);
    };
    spec.channels.push_back(std::move(games));
    extensions.add(spec);
  }

  runtime::grant_config& grant(const std::string& name) { return config.grants[name]; }
  /// The node, from here on with that config.
  void start() {
    if (ctx().tokens) return;
    ctx().tokens = std::make_shared<const greenroom::tokens>(
        codecs::samples::trust_in(
            codecs::samples::set_of({codecs::samples::public_key(codecs::jwt_algorithm::es256, "")})),
        shards);
  }
  std::string token(std::string_view user, std::string more = {}) {
    start();
    auto order = codecs::samples::order();
    const auto now_s = static_cast<std::uint64_t>(ctx().now_ms()) / 1'000;
    order.subject = user;
    order.issued_at_s = now_s - 300;
    order.expires_at_s = now_s + 3'600;
    order.more = std::move(more);
    return codecs::mint_jwt(order, codecs::samples::signer(codecs::jwt_algorithm::es256, ""));
  }
  static std::string with(const std::string& token) { return dump(json{{"token", token}}); }
  client& come(std::string_view user, std::string more = {}) {
    const auto shown = token(user, std::move(more));
    auto& one = connect();
    opened = one.call("session.open", with(shown));
    one.story();
    return one;
  }
  client& guest() {
    start();
    auto& one = connect();
    one.call("session.open");
    one.story();
    return one;
  }
  client& back(const json& was, const std::string& token) {
    auto& one = connect();
    opened = one.call(
        "session.open",
        dump(json{{"token", token}, {"resume", {{"session", was.at("session")}, {"token", was.at("resume_token")}}}}));
    return one;
  }
  double refused(const std::string& action) { return figure("greenroom_refused_total{action=\"" + action + "\"}"); }

  json opened;
  strings closed;
};

}  // namespace greenroom::tests
