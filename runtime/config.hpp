/// CONFIG is every setting of a node, typed, with its default as the member's initializer. `config_keys.cpp` holds the
/// one table that gives each member its key, range and explanation; reading, checking, the reference and the default
/// file all come from it.
///
/// Sources, later ones win: the defaults (with `--dev`: opened on loopback), a TOML file, the environment
/// (`GREENROOM_GATEWAY_PING_INTERVAL_MS`), `--set gateway.ping_interval_ms=25s`. Durations are integers in milliseconds
/// or text such as "300ms", "25s", "2h", "7d"; sizes are integers in bytes or "64KiB", "16MiB", "1GiB".
///
/// Lifecycle: read once at start-up; immutable afterwards, so every thread may read it.
/// Failure: nothing throws; all problems are collected, each with its place, its key and what was expected.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace greenroom::runtime {

struct node_config {
  std::string data_dir = "greenroom-data";
  std::uint32_t shards = 0;  ///< 0: as many as cores
  std::uint32_t drain_timeout_ms = 5'000;
  std::uint32_t stop_timeout_ms = 30'000;
  bool rehearsals = false;
};

enum class compression_mode : std::uint8_t { off, deflate };

struct gateway_config {
  std::vector<std::string> listen{"127.0.0.1:8080"};
  std::uint32_t connections_max = 20'000;     ///< a shard
  std::uint32_t accepts_per_second = 10'000;  ///< a shard; 0: as they come
  std::uint32_t ping_interval_ms = 25'000;
  std::uint32_t pong_timeout_ms = 20'000;
  std::uint32_t message_bytes_max = 64u << 10;
  std::uint32_t fragments_max = 128;
  std::uint32_t close_timeout_ms = 5'000;
  std::uint32_t request_line_bytes_max = 4u << 10;
  std::uint32_t header_bytes_max = 8u << 10;
  std::uint32_t header_fields_max = 64;
  std::uint32_t header_timeout_ms = 10'000;
  std::uint32_t body_bytes_max = 1u << 20;
  std::uint32_t body_timeout_ms = 30'000;
  std::uint32_t idle_timeout_ms = 60'000;
  std::uint32_t write_timeout_ms = 30'000;
  compression_mode compression = compression_mode::off;
  std::uint32_t compression_bytes_min = 256;
  std::uint32_t compression_bytes_max = 256u << 10;
  std::uint32_t compression_window_bits = 12;
  std::uint32_t compression_level = 1;
  std::vector<std::string> proxies{};  ///< addresses and networks whose word on where a client is counts
  bool proxy_protocol = false;         ///< they say it in the PROXY protocol, not in X-Forwarded-For
};

enum class client_certificates : std::uint8_t { off, optional, required };

/// Of the addresses in `gateway.listen` that begin with tls://.
struct tls_config {
  std::string certificate{};
  std::string key{};
  std::string client_ca{};
  client_certificates clients = client_certificates::off;
  std::uint32_t handshake_timeout_ms = 10'000;
  std::uint32_t reload_interval_ms = 5'000;  ///< 0: on SIGHUP only
  std::int64_t hsts_ms = 365ll * 24 * 3600 * 1000;
};

struct outbox_config {
  std::uint32_t bytes_max = 1u << 20;
  std::uint32_t frames_max = 1'000;
};

struct session_config {
  std::uint32_t resume_window_ms = 120'000;
  std::uint32_t detached_per_user_max = 16;
  std::uint32_t detached_max = 100'000;
  std::uint32_t rooms_max = 128;  ///< a session
};

enum class anonymous_access : std::uint8_t { off, loopback };
enum class permission : std::uint8_t { nobody, authenticated, anyone };

struct access_config {
  anonymous_access anonymous = anonymous_access::off;
  std::vector<std::string> allowed_origins{};  ///< empty: the node's own
  permission workers = permission::nobody;
  permission call = permission::nobody;                       ///< methods of services
  permission send = permission::nobody;                       ///< to other users' inboxes
  permission presence = permission::nobody;                   ///< to see who is online
  std::vector<std::string> operations{"127.0.0.0/8", "::1"};  ///< whose clients may read /status and /metrics
};

/// Whose tokens are believed. What the entries mean is for whoever knows tokens.
struct tokens_config {
  std::vector<std::string> keys{};  ///< empty: no token is
  std::vector<std::string> issuers{}, audiences{};
  std::string grants_claim = "greenroom", roles_claim = "roles";  ///< what of a token says what its user may
  std::uint32_t reload_interval_ms = 5'000;                       ///< 0: on SIGHUP only
  std::uint32_t fetch_timeout_ms = 5'000;                         ///< of a set of keys that has a URL
  std::uint32_t fetch_interval_ms = 3'600'000;
  std::int64_t keep_ms = 24ll * 3600 * 1000;  ///< how long keys count whose set cannot be fetched
};

/// What some callers may beside what the namespaces say. What the entries mean is for whoever decides.
struct grant_config {
  std::vector<std::string> to{};       ///< anyone, authenticated, user:NAME, role:NAME, scope:NAME
  std::vector<std::string> rooms{};    ///< patterns, with ${user} and a * at the end
  std::vector<std::string> actions{};  ///< join, publish, read, members: in those rooms
  std::vector<std::string> methods{};  ///< patterns of services' methods
  std::vector<std::string> users{};    ///< patterns of users, whom they may send to
};

/// Token buckets of one scope: what may come in a second, and at once. 0: without a bound.
struct limit_config {
  std::uint32_t connections_per_second = 0, connections_burst = 0;
  std::uint32_t connections_max = 0;  ///< open ones
  std::uint32_t messages_per_second = 0, messages_burst = 0;
  std::uint64_t bytes_per_second = 0, bytes_burst = 0;
  std::uint32_t joins_per_second = 0, joins_burst = 0;
  std::uint32_t reads_per_second = 0, reads_burst = 0;  ///< of the history
};
struct limits_config {
  limit_config connection{}, session{}, user{}, address{}, key{};
};

enum class audit_level : std::uint8_t { off, refusals, sessions, all };

struct audit_config {
  audit_level level = audit_level::sessions;
  std::uint64_t file_bytes_max = 64u << 20;
  std::uint32_t files_max = 64;
  std::uint32_t queue_max = 65'536;
  std::uint32_t checkpoint_interval_ms = 60'000;
};

/// Keys that encrypt the keys of what is kept secret. The first encrypts what is new.
struct secrets_config {
  std::vector<std::string> keys{};  ///< ID=file:PATH or ID=env:NAME
};

/// JSON Schemas of service methods: METHOD=FILE.
struct schemas_config {
  std::vector<std::string> methods{};
};

enum class log_level : std::uint8_t { trace, debug, info, warning, error, off };
enum class log_format : std::uint8_t { text, json };

struct log_config {
  log_level level = log_level::info;
  log_format format = log_format::text;
  std::string file{};  ///< empty: standard error
  std::uint32_t queue_max = 8'192;
  bool access = true;
};

struct rooms_config {
  std::uint32_t idle_ttl_ms = 60'000;
  std::chrono::milliseconds idle_ttl() const noexcept { return std::chrono::milliseconds{idle_ttl_ms}; }
};

struct presence_config {
  std::uint32_t interval_ms = 100;
  std::uint32_t watches_max = 1'000;    ///< a session
  std::uint32_t watchers_max = 10'000;  ///< a user
  std::uint32_t offline_max = 100'000;
};

struct inbox_config {
  std::uint32_t messages_max = 10'000;
  std::uint64_t bytes_max = 16u << 20;
  std::int64_t ttl_ms = 7ll * 24 * 3600 * 1000;
  std::uint32_t delivery_attempts_max = 20;
  std::uint64_t dead_bytes_max = 100u << 20;
  std::int64_t dead_age_ms = 30ll * 24 * 3600 * 1000;
};

struct idempotency_config {
  std::uint32_t per_sender_max = 100'000;
  std::int64_t age_ms = 24ll * 3600 * 1000;
  std::uint64_t bytes_max = 128u << 20;
};

struct memory_config {
  std::uint64_t history_bytes_max = 1ull << 30;
  std::uint32_t logs_max = 1'000'000;
  std::uint64_t budget_bytes = 0;  ///< of the process; 0: what its control group or the machine has
};

/// The database in the data directory.
struct store_config {
  std::uint32_t readers = 2;
  std::uint64_t cache_bytes = 64ull << 20;
  std::uint64_t wal_bytes_max = 64ull << 20;
  std::uint32_t logs_max = 1'000'000;
  std::uint32_t sessions_max = 1'000'000;
};

enum class slow_policy : std::uint8_t { disconnect, spill, latest };

/// The policy of the rooms whose name begins with `NAME:`.
struct namespace_config {
  std::uint64_t history_count = 100;
  std::uint64_t history_bytes = 0;  ///< 0: as many as `history_count` allows
  std::int64_t history_age_ms = 0;  ///< 0: as old as they get
  bool durable = false;
  slow_policy slow_members = slow_policy::disconnect;
  std::uint32_t members_max = 100'000;
  std::string behaviour{};  ///< empty: none
  bool presence = true;
  std::uint32_t presence_list_max = 100;
  std::uint32_t presence_interval_ms = 100;
  permission join = permission::nobody;
  permission publish = permission::nobody;
  permission read = permission::nobody;     ///< the history
  permission members = permission::nobody;  ///< who is there
  bool encrypted = false;                   ///< payloads on disk
  std::vector<std::string> schemas{};       ///< EVENT=FILE, or FILE for the others
};

enum class endpoint_protocol : std::uint8_t { off, native, socketio, engineio, phoenix, websocket };
enum class socketio_parser : std::uint8_t { json, msgpack };

/// A path that clients connect to, and the protocol that is spoken there.
struct endpoint_config {
  std::string path{};  ///< "/ws"; "/socket.io/"; of Phoenix without its last part: "/socket"
  endpoint_protocol protocol = endpoint_protocol::off;
  std::uint32_t message_bytes_max = 0;        ///< 0: the gateway's; Engine.IO's `maxPayload`, too
  std::uint32_t fragments_max = 0;            ///< 0: the gateway's
  std::uint32_t compression_window_bits = 0;  ///< 0: as the gateway's compression says
  std::uint32_t ping_interval_ms = 25'000;    ///< Engine.IO's
  std::uint32_t ping_timeout_ms = 20'000;     ///< Engine.IO's
  std::uint32_t connect_timeout_ms = 45'000;  ///< Socket.IO: until the first namespace is connected
  socketio_parser parser = socketio_parser::json;
  bool recovery = true;  ///< Socket.IO's connection state recovery
  std::uint32_t recovery_window_ms = 120'000;
  std::uint32_t poll_ms = 10'000;            ///< Phoenix: how long a long poll waits
  std::vector<std::string> namespaces{"/"};  ///< Socket.IO: beside those that a service serves
  std::vector<std::string> topics{"*"};      ///< Phoenix: that may be joined
  std::string channel{};                     ///< engineio, websocket: whose service gets the messages
};

struct plugins_config {
  std::vector<std::string> load{};
};

struct config {
  /// The rooms without a known prefix. In the file it is called `[namespace.default]`.
  static constexpr std::string_view default_namespace = "";

  node_config node{};
  gateway_config gateway{};
  tls_config tls{};
  outbox_config outbox{};
  session_config sessions{};
  access_config access{};
  tokens_config tokens{};
  limits_config limits{};
  audit_config audit{};
  secrets_config secrets{};
  schemas_config schemas{};
  log_config log{};
  rooms_config rooms{};
  presence_config presence{};
  inbox_config inbox{};
  idempotency_config idempotency{};
  memory_config memory{};
  store_config store{};
  plugins_config plugins{};
  /// By name. There are always the default one, `durable` and `feed`; a file may change them and add others.
  std::map<std::string, namespace_config, std::less<>> namespaces{};
  /// By name. There are always `native`, `socketio` and `phoenix`; a file may change them and add others.
  std::map<std::string, endpoint_config, std::less<>> endpoints{};
  std::map<std::string, grant_config, std::less<>> grants{};  ///< by name
};

enum class preset : std::uint8_t {
  closed,  ///< access denied until the config grants it
  dev,     ///< anonymous callers on loopback may do everything
};

config default_config(preset base = preset::closed);

/// Where a config comes from. The process's own environment is read by the caller (`environment_of`).
struct config_sources {
  preset base = preset::closed;
  std::optional<std::string> file{};                               ///< a path
  std::vector<std::pair<std::string, std::string>> environment{};  ///< only GREENROOM_… names count
  std::vector<std::pair<std::string, std::string>> overrides{};    ///< {"section.key", value}
};

std::vector<std::pair<std::string, std::string>> environment_of(const char* const* variables);

struct config_problem {
  std::string place;    ///< "greenroom.toml:12", "GREENROOM_LOG_LEVEL", "--set", or empty: the whole
  std::string key;      ///< "gateway.listen", or empty where no key was read
  std::string message;  ///< what is wrong: "must be …", "is no known key …"
  std::string text() const;
};

struct config_result {
  config value{};
  std::vector<config_problem> problems{};  ///< empty: `value` may be used
};

config_result load_config(const config_sources& from);

std::string config_reference();                             ///< Markdown: every key, its default, range and explanation
std::string config_defaults(preset base = preset::closed);  ///< a commented TOML file with every key

}  // namespace greenroom::runtime
