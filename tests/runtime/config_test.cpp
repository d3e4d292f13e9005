#include "runtime/config.hpp"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/config_keys.hpp"

namespace greenroom::runtime {
namespace {

using strings = std::vector<std::string>;

/// A config file for one test.
class file {
 public:
  explicit file(std::string_view text) {
    path_ = std::filesystem::temp_directory_path() / ("greenroom-config-test-" + std::to_string(::getpid()) + ".toml");
    std::ofstream{path_} << text;
  }
  ~file() { std::filesystem::remove(path_); }
  file(const file&) = delete;
  file& operator=(const file&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

config_result load(std::string_view toml, preset base = preset::closed) {
  const file written{toml};
  auto result = load_config({.base = base, .file = written.path()});
  for (auto& problem : result.problems)  // the name of the temporary file does not matter
    if (problem.place.starts_with(written.path())) problem.place.replace(0, written.path().size(), "file");
  return result;
}

strings problems_of(const config_result& result) {
  strings texts;
  for (const auto& problem : result.problems) texts.push_back(problem.text());
  return texts;
}

config_result set(std::string key, std::string value) {
  return load_config({.overrides = {{std::move(key), std::move(value)}}});
}

}  // namespace

TEST_CASE("config: the defaults are those of the protocol and deny access", "[config]") {
  const auto result = load_config({});
  REQUIRE(problems_of(result).empty());
  const auto& c = result.value;
  CHECK(c.gateway.listen == strings{"127.0.0.1:8080"});
  CHECK(c.gateway.ping_interval_ms == 25'000);
  CHECK(c.gateway.pong_timeout_ms == 20'000);
  CHECK(c.gateway.message_bytes_max == 64u << 10);
  CHECK(c.sessions.resume_window_ms == 120'000);
  CHECK(c.access.anonymous == anonymous_access::off);
  for (const auto each : {c.access.workers, c.access.call, c.access.send, c.access.presence})
    CHECK(each == permission::nobody);
  REQUIRE(c.namespaces.size() == 3);
  for (const auto& [name, policy] : c.namespaces) {
    CHECK(policy.join == permission::nobody);
    CHECK(policy.publish == permission::nobody);
    CHECK(policy.read == permission::nobody);
  }
  CHECK(c.namespaces.at("").history_count == 100);
  CHECK(c.namespaces.at("durable").durable);
  CHECK(c.namespaces.at("durable").history_count == 1'000'000);
  CHECK(c.namespaces.at("durable").history_age_ms == 7 * 86'400'000ll);
  CHECK(c.namespaces.at("feed").history_count == 0);
  CHECK(c.namespaces.at("feed").slow_members == slow_policy::latest);
}

TEST_CASE("config: dev opens the namespaces to callers on loopback, the file's new ones too", "[config]") {
  const auto result = load("[namespace.chat]\n[namespace.staff]\njoin = \"authenticated\"", preset::dev);
  REQUIRE(problems_of(result).empty());
  CHECK(result.value.access.anonymous == anonymous_access::loopback);
  CHECK(result.value.namespaces.at("").publish == permission::anyone);
  CHECK(result.value.namespaces.at("chat").join == permission::anyone);
  CHECK(result.value.namespaces.at("staff").join == permission::authenticated);
}

TEST_CASE("config: a file sets what it names and leaves the rest", "[config]") {
  const auto result = load(R"(
    [gateway]
    listen = ["127.0.0.1:9000", "[::1]:9000"]
    ping_interval_ms = "40s"
    pong_timeout_ms = 15000
    message_bytes_max = "128KiB"
    [access]
    allowed_origins = ["https://example.org"]
    [log]
    level = "debug"
    format = "json"
    [namespace.chat]
    history_count = 7
    history_age_ms = "2d"
    durable = true
    slow_members = "spill"
    join = "anyone"
    [namespace.default]
    members_max = 12)");
  REQUIRE(problems_of(result).empty());
  const auto& c = result.value;
  CHECK(c.gateway.listen == strings{"127.0.0.1:9000", "[::1]:9000"});
  CHECK(c.gateway.ping_interval_ms == 40'000);
  CHECK(c.gateway.pong_timeout_ms == 15'000);
  CHECK(c.gateway.message_bytes_max == 128u << 10);
  CHECK(c.gateway.fragments_max == 128);
  CHECK(c.access.allowed_origins == strings{"https://example.org"});
  CHECK(c.log.level == log_level::debug);
  CHECK(c.log.format == log_format::json);
  const auto& chat = c.namespaces.at("chat");
  CHECK(chat.history_count == 7);
  CHECK(chat.history_age_ms == 172'800'000);
  CHECK(chat.durable);
  CHECK(chat.slow_members == slow_policy::spill);
  CHECK(chat.join == permission::anyone);
  CHECK(chat.publish == permission::nobody);
  CHECK(c.namespaces.at("").members_max == 12);
}

TEST_CASE("config: the environment wins over the file, and the command line over both", "[config]") {
  const file written{"[rooms]\nidle_ttl_ms = 1000\n[log]\nlevel = \"error\"\n[inbox]\nmessages_max = 5"};
  const auto result = load_config({.file = written.path(),
                                   .environment = {{"GREENROOM_ROOMS_IDLE_TTL_MS", "2s"},
                                                   {"GREENROOM_LOG_LEVEL", "debug"},
                                                   {"GREENROOM_GATEWAY_LISTEN", "127.0.0.1:1, 127.0.0.1:2"},
                                                   {"GREENROOM_NAMESPACE_CHAT_HISTORY_COUNT", "9"},
                                                   {"GREENROOM_LOG_ACCESS", "false"}},
                                   .overrides = {{"rooms.idle_ttl_ms", "3s"}, {"namespace.chat.read", "anyone"}}});
  REQUIRE(problems_of(result).empty());
  CHECK(result.value.rooms.idle_ttl() == std::chrono::seconds{3});
  CHECK(result.value.log.level == log_level::debug);
  CHECK_FALSE(result.value.log.access);
  CHECK(result.value.inbox.messages_max == 5);
  CHECK(result.value.gateway.listen == strings{"127.0.0.1:1", "127.0.0.1:2"});
  CHECK(result.value.namespaces.at("chat").history_count == 9);
  CHECK(result.value.namespaces.at("chat").read == permission::anyone);
}

TEST_CASE("config: every problem has its line, its key and what was expected", "[config]") {
  const auto result = load(R"([gateway]
ping_interval_ms = "soon"
fragments_max = 0
listen = []
[log]
level = "loud"
access = 1
file = 3.5
[namespace.chat]
durable = "perhaps"
[namespace."a b"]
)");
  CHECK(problems_of(result) ==
        strings{R"(file:8: log.file must be an integer, a text, true, false or a list of texts)",
                R"(file:3: gateway.fragments_max must be an integer from 1 to 65536)",
                R"(file:4: gateway.listen must be a list of texts, 1 to 16)",
                R"(file:2: gateway.ping_interval_ms must be a duration from 0 to 1h, as milliseconds or like "25s")",
                R"(file:7: log.access must be true or false)",
                R"(file:6: log.level must be one of "trace", "debug", "info", "warning", "error", "off")",
                R"(file:11: namespace.a b must name its namespace with at most 64 letters, digits, - and _)",
                R"(file:10: namespace.chat.durable must be true or false)"});
}

TEST_CASE("config: an unknown key is an error that names the nearest known one", "[config]") {
  CHECK(problems_of(load("[gateway]\nping_intervall_ms = 1")) ==
        strings{"file:2: gateway.ping_intervall_ms is no known key; the nearest one is gateway.ping_interval_ms"});
  CHECK(problems_of(load("[gatway]\nlisten = []")) ==
        strings{"file:2: gatway.listen is no known key; the nearest one is gateway.listen"});
  CHECK(problems_of(load("[namespace.chat]\nhistory = 1")) ==
        strings{"file:2: namespace.chat.history is no known key; the nearest one is namespace.chat.history_count"});
  CHECK(problems_of(set("outbox.byte_max", "1")) ==
        strings{"--set: outbox.byte_max is no known key; the nearest one is outbox.bytes_max"});
  CHECK(problems_of(load("[gateway.listen]\nport = 1")).size() == 1);
}

TEST_CASE("config: of the environment only what looks like a setting is one", "[config]") {
  const auto problems = problems_of(load_config({.environment = {{"GREENROOM_URL", "ws://127.0.0.1/ws"},
                                                                 {"GREENROOM_DATA_DIR", "/tmp"},
                                                                 {"PATH", "/bin"},
                                                                 {"GREENROOM_LOG_LEVLE", "info"},
                                                                 {"GREENROOM_GATWAY_LISTEN", "127.0.0.1:1"},
                                                                 {"GREENROOM_ROOMS_COLOUR", "green"}}}));
  REQUIRE(problems.size() == 3);
  CHECK(problems[0] == "GREENROOM_LOG_LEVLE: is no known setting; the nearest one is GREENROOM_LOG_LEVEL");
  CHECK(problems[1] == "GREENROOM_GATWAY_LISTEN: is no known setting; the nearest one is GREENROOM_GATEWAY_LISTEN");
  CHECK(problems[2].starts_with("GREENROOM_ROOMS_COLOUR: is no known setting"));
}

TEST_CASE("config: the process's variables are read as they are", "[config]") {
  const char* const variables[]{"PATH=/bin", "GREENROOM_LOG_LEVEL=a=b", "GREENROOM_EMPTY=", "GREENROOM_NONE", nullptr};
  using pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(environment_of(variables) == pairs{{"GREENROOM_LOG_LEVEL", "a=b"}, {"GREENROOM_EMPTY", ""}});
  CHECK(environment_of(nullptr).empty());
}

TEST_CASE("config: a file that is no TOML, or is not there, is one problem with its place", "[config]") {
  const auto broken = problems_of(load("[gateway]\nlisten = [\"a\"\nx = 1"));
  REQUIRE(broken.size() == 1);
  CHECK(broken[0].starts_with("file:3: "));
  CHECK(problems_of(load_config({.file = "/nowhere/greenroom.toml"})) ==
        strings{"/nowhere/greenroom.toml: cannot be read: No such file or directory"});
}

TEST_CASE("config: settings that do not fit together are errors", "[config]") {
  CHECK(problems_of(load("[gateway]\nmessage_bytes_max = \"1MiB\"")) ==
        strings{"outbox.bytes_max must be at least four times gateway.message_bytes_max"});
  CHECK(problems_of(load("[gateway]\nmessage_bytes_max = \"1MiB\"\n[outbox]\nbytes_max = \"4MiB\"")).empty());
  CHECK(problems_of(set("gateway.listen", "localhost")).at(0).starts_with("gateway.listen must hold numeric"));
  CHECK(problems_of(set("node.data_dir", "")) == strings{"node.data_dir must name a directory"});
  CHECK(problems_of(set("namespace.feed.slow_members", "spill")).at(0).starts_with("namespace.feed.slow_members must"));
}

TEST_CASE("config: durations and sizes are read with their units and nothing else", "[config]") {
  const auto window = [](std::string text) { return set("sessions.resume_window_ms", std::move(text)); };
  CHECK(window("250").value.sessions.resume_window_ms == 250);
  CHECK(window("250ms").value.sessions.resume_window_ms == 250);
  CHECK(window("90 s").value.sessions.resume_window_ms == 90'000);
  CHECK(window("2m").value.sessions.resume_window_ms == 120'000);
  CHECK(window("24h").value.sessions.resume_window_ms == 86'400'000);
  CHECK(window("1d").value.sessions.resume_window_ms == 86'400'000);
  for (auto wrong : {"", "s", "-1", "1.5s", "25h", "1 week", "5KiB", "0x10", "18446744073709551615d", "1s1s"}) {
    CAPTURE(wrong);
    CHECK(window(wrong).problems.size() == 1);
  }
  CHECK(set("gateway.body_bytes_max", "2MiB").value.gateway.body_bytes_max == 2u << 20);
  CHECK(set("inbox.dead_bytes_max", "1GiB").value.inbox.dead_bytes_max == 1u << 30);
  CHECK(set("gateway.body_bytes_max", "2MB").problems.size() == 1);
  CHECK(set("gateway.fragments_max", "3s").problems.size() == 1);
}

TEST_CASE("config: each key takes its least and its greatest value, and nothing outside", "[config]") {
  for (const auto& key : node_keys()) {
    CAPTURE(key.full_name());
    config c;
    if (std::holds_alternative<word_choice>(key.at(c)) || key.kind >= value_kind::toggle) continue;
    for (const auto bound : {key.range.min, key.range.max}) {
      if (bound > INT64_MAX) continue;
      CHECK_FALSE(assign(key.at(c), key.kind, key.range, static_cast<std::int64_t>(bound)));
      CHECK(toml_text(key.at(c)) == std::to_string(bound));
    }
    if (key.range.min > 0) CHECK(assign(key.at(c), key.kind, key.range, static_cast<std::int64_t>(key.range.min - 1)));
    CHECK(assign(key.at(c), key.kind, key.range, static_cast<std::int64_t>(key.range.max) + 1));
    CHECK(assign(key.at(c), key.kind, key.range, std::int64_t{-1}));
    CHECK(assign(key.at(c), key.kind, key.range, true));
  }
}

TEST_CASE("config: the file of defaults is a config that changes nothing", "[config]") {
  for (const auto base : {preset::closed, preset::dev}) {
    const auto text = config_defaults(base);
    const auto result = load(text);
    REQUIRE(problems_of(result).empty());
    auto expected = default_config(base);
    auto got = result.value;
    for (const auto& key : node_keys()) {
      CAPTURE(key.full_name());
      CHECK(toml_text(key.at(got)) == toml_text(key.at(expected)));
    }
    CHECK(got.namespaces.size() == expected.namespaces.size());
    for (auto& [name, policy] : expected.namespaces)
      for (const auto& key : namespace_keys()) {
        CAPTURE(name, key.name);
        CHECK(toml_text(key.at(got.namespaces.at(name))) == toml_text(key.at(policy)));
      }
  }
}

TEST_CASE("config: the reference names every key, and every key belongs to a section", "[config]") {
  const auto text = config_reference();
  for (const auto& key : node_keys()) {
    CAPTURE(key.full_name());
    CHECK(text.find("| `" + std::string{key.name} + "` |") != std::string::npos);
    CHECK(std::ranges::any_of(config_sections(), [&](const auto& s) { return s.name == key.section; }));
    CHECK(key.doc.ends_with('.'));
  }
  for (const auto& key : namespace_keys()) CHECK(text.find("| `" + std::string{key.name} + "` |") != std::string::npos);
  CHECK(text.find("| `25s` | a duration from 0 to 1h |") != std::string::npos);
}

TEST_CASE("config: the reference in docs is the one that the node prints", "[config]") {
  std::ifstream in{std::filesystem::path{__FILE__}.parent_path() / "../../docs/config.md"};
  std::stringstream text;
  text << in.rdbuf();
  CHECK(text.str() == config_reference());
}

TEST_CASE("config: an address with TLS wants a certificate and a key, client certificates an authority", "[config]") {
  const std::string listen = "[gateway]\nlisten = [\"127.0.0.1:80\", \"tls://[::]:443\"]\n[tls]\n";
  CHECK(problems_of(load("[tls]\nkey = \"k\"")).empty());  // nothing speaks TLS
  CHECK(problems_of(load(listen)) ==
        strings{"tls.certificate must name a file where an address in gateway.listen begins with tls://",
                "tls.key must name a file where an address in gateway.listen begins with tls://"});
  const auto files = listen + "certificate = \"c\"\nkey = \"k\"\n";
  CHECK(problems_of(load(files)).empty());
  CHECK(problems_of(load(files + "client_certificates = \"optional\"")) ==
        strings{"tls.client_ca must name a file where tls.client_certificates is not \"off\""});
  const auto whole = load(files + "client_certificates = \"required\"\nclient_ca = \"a\"\nhsts_ms = \"1d\"");
  CHECK(problems_of(whole).empty());
  CHECK(whole.value.tls.clients == client_certificates::required);
  CHECK(whole.value.tls.hsts_ms == 86'400'000);
}

TEST_CASE("config: keys of secrets are named once each, and an encrypted namespace wants one", "[config]") {
  const auto keys = [](const std::string& list, const std::string& more = {}) {
    return problems_of(load("[secrets]\nkeys = [" + list + "]\n" + more));
  };
  const std::string encrypted = "[namespace.safe]\nencrypted = true\n", durable = "durable = true\n";
  CHECK(keys(R"("2026-11=file:/etc/kek", "old.1=env:KEK")", encrypted + durable).empty());
  for (const auto* wrong : {R"("x")", R"("=file:x")", R"("a=x")", R"("a=file:")", R"("a=env:")", R"("a b=env:X")"}) {
    CAPTURE(wrong);
    const auto said = keys(wrong);
    REQUIRE(said.size() == 1);
    CHECK(said[0].starts_with("secrets.keys must hold entries like"));
  }
  CHECK(keys(R"("a=env:X", "a=env:Y")") == strings{"secrets.keys must not hold two keys of one id"});
  CHECK(problems_of(load(encrypted + durable)) ==
        strings{"secrets.keys must name a key where a namespace is `encrypted`"});
  CHECK(keys(R"("a=env:X")", encrypted) ==
        strings{"namespace.safe.encrypted must not be true where durable is false: such rooms are in memory only"});
}

TEST_CASE("config: endpoints are tables by name, and each protocol has one", "[config]") {
  const auto plain = load_config({}).value.endpoints;
  CHECK(plain.at("native").path == "/ws");
  CHECK(plain.at("socketio").protocol == endpoint_protocol::socketio);
  CHECK(plain.at("phoenix").path == "/socket");
  const auto result = load(R"(
[endpoint.legacy]
path = "/legacy/"
protocol = "socketio"
parser = "msgpack"
ping_interval_ms = "300ms"
namespaces = ["/", "/chat"]
)");
  REQUIRE(problems_of(result).empty());
  const auto& added = result.value.endpoints.at("legacy");
  CHECK(added.parser == socketio_parser::msgpack);
  CHECK(added.ping_interval_ms == 300);
  CHECK(added.namespaces == strings{"/", "/chat"});
  CHECK(result.value.endpoints.size() == 4);
}

TEST_CASE("config: an endpoint may come from the environment and be switched off", "[config]") {
  const auto result = load_config({.environment = {{"GREENROOM_ENDPOINT_PHOENIX_PROTOCOL", "off"}}});
  REQUIRE(problems_of(result).empty());
  CHECK(result.value.endpoints.at("phoenix").protocol == endpoint_protocol::off);
}

TEST_CASE("config: grants are tables by name", "[config]") {
  const auto result = load(R"([grant.staff]
to = ["role:staff", "user:ann"]
rooms = ["staff:*", "inbox:${user}"]
actions = ["join", "read"]
methods = ["orders.*"]
users = ["*"])");
  REQUIRE(problems_of(result).empty());
  const auto& staff = result.value.grants.at("staff");
  CHECK(staff.to == strings{"role:staff", "user:ann"});
  CHECK(staff.rooms == strings{"staff:*", "inbox:${user}"});
  CHECK(staff.actions == strings{"join", "read"});
  CHECK(staff.methods == strings{"orders.*"});
  CHECK(staff.users == strings{"*"});
  CHECK(load_config({}).value.grants.empty());
  const auto of_environment =
      load_config({.environment = {{"GREENROOM_GRANT_ALL_TO", "anyone"}, {"GREENROOM_GRANT_ALL_METHODS", "a.*, b.c"}}});
  REQUIRE(problems_of(of_environment).empty());
  CHECK(of_environment.value.grants.at("all").methods == strings{"a.*", "b.c"});
}

TEST_CASE("config: what is wrong with a grant is named, with its line", "[config]") {
  CHECK(
      problems_of(load(R"([grant.a]
to = ["everyone"]
rooms = ["chat:*", "a*b"]
actions = ["joins"]
methods = ["x:${usr}"]
users = [""]
typo = 1)")) ==
      strings{
          R"(file:4: grant.a.actions must hold join, publish, read, members, send or presence, not "joins")",
          R"(file:5: grant.a.methods must hold patterns, like "chat:*" or "inbox:${user}", not "x:${usr}": ${user} is the only name that it may have in ${})",
          R"(file:3: grant.a.rooms must hold patterns, like "chat:*" or "inbox:${user}", not "a*b": a * stands only at the end)",
          R"(file:2: grant.a.to must hold anyone, authenticated, user:NAME, role:NAME or scope:NAME, not "everyone")",
          "file:7: grant.a.typo is no known key; the nearest one is grant.a.to",
          R"(file:6: grant.a.users must hold patterns, like "chat:*" or "inbox:${user}", not "": it is empty)"});
  CHECK(problems_of(set("grant.a.methods", "x")) == strings{"grant.a.to must say who gets the grant"});
  CHECK(problems_of(load("[grant.a]\nto = [\"anyone\"]\nrooms = [\"x\"]")) ==
        strings{"grant.a.actions must say what is allowed in the rooms: join, publish, read, members"});
  CHECK(problems_of(load("[grant.a]\nto = [\"anyone\"]\nmethods = [\"x\"]\nactions = [\"join\", \"send\"]")) ==
        strings{"grant.a.rooms must say in which rooms the actions are allowed",
                "grant.a.users must say with which users the actions are allowed"});
  CHECK(problems_of(load("[grant.a]\nto = [\"anyone\"]")) ==
        strings{"grant.a.rooms must hold something, or methods or users must: the grant allows nothing"});
  CHECK(problems_of(set("grant.x y.to", "anyone")) ==
        strings{"--set: grant.x y.to must name its grant with at most 64 letters, digits, - and _"});
}

TEST_CASE("config: what is wrong with an endpoint is named", "[config]") {
  CHECK(problems_of(set("endpoint.x.protocol", "gopher")).size() == 1);
  CHECK(problems_of(set("endpoint.x.pth", "/x")) ==
        strings{"--set: endpoint.x.pth is no known key; the nearest one is endpoint.x.path"});
  CHECK(problems_of(set("endpoint.native.path", "ws")) == strings{"endpoint.native.path must begin with a /"});
  CHECK(problems_of(set("endpoint.phoenix.path", "/ws")) ==
        strings{"endpoint.phoenix.path must not be that of endpoint.native"});
  CHECK(problems_of(set("endpoint.native.protocol", "websocket")) ==
        strings{
            "endpoint.native.channel must name the channel of a service where the protocol is engineio or websocket"});
  CHECK(problems_of(set("endpoint.path", "/x")) ==
        strings{"--set: endpoint.path must be a table, like [endpoint.chat]"});
}

}  // namespace greenroom::runtime
