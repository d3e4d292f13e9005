#include "actors/engine.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "actors/access_keeper.hpp"
#include "actors/admin.hpp"
#include "actors/audit.hpp"
#include "actors/audit_trail.hpp"
#include "actors/certificates.hpp"
#include "actors/context.hpp"
#include "actors/gateway.hpp"
#include "actors/key_fetcher.hpp"
#include "actors/key_sets.hpp"
#include "actors/limits.hpp"
#include "actors/loaded_extensions.hpp"
#include "actors/memory_watch.hpp"
#include "actors/node_clock.hpp"
#include "actors/node_metrics.hpp"
#include "actors/offline_queue.hpp"
#include "actors/permissions.hpp"
#include "actors/plugins.hpp"
#include "actors/presence.hpp"
#include "actors/pressure.hpp"
#include "actors/rate_limits.hpp"
#include "actors/relay.hpp"
#include "actors/room_directory.hpp"
#include "actors/router.hpp"
#include "actors/schemas.hpp"
#include "actors/secret_keys.hpp"
#include "actors/secret_store.hpp"
#include "actors/service_directory.hpp"
#include "actors/session_directory.hpp"
#include "actors/store_backup.hpp"
#include "actors/store_keeper.hpp"
#include "actors/store_reader.hpp"
#include "actors/store_writer.hpp"
#include "actors/stores.hpp"
#include "actors/tokens.hpp"
#include "actors/worker_pool.hpp"
#include "codecs/limits.hpp"
#include "runtime/data_dir.hpp"
#include "runtime/errc.hpp"
#include "runtime/http_shards.hpp"
#include "runtime/log.hpp"
#include "runtime/rehearsal.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/secret.hpp"
#include "runtime/supervisor.hpp"
#include "runtime/tls.hpp"
#include "runtime/watchdog.hpp"
#include "storage/sqlite_store.hpp"

// The layers do not know each other; what their bounds have to do with one another is said here.
static_assert(greenroom::codecs::limits::message_id_bytes_max <= greenroom::storage::limits::id_bytes_max);
static_assert(greenroom::codecs::limits::room_bytes_max <= greenroom::storage::limits::name_bytes_max);
static_assert(greenroom::codecs::limits::user_bytes_max <= greenroom::storage::limits::name_bytes_max);
static_assert(greenroom::codecs::limits::batch_max <= greenroom::limits::calls_in_flight_max);
static_assert(greenroom::limits::feed_messages_max < 1'000 / 2,
              "a page for a member that catches up fits into half an outbox");

namespace greenroom {
namespace {

using namespace std::chrono_literals;
using runtime::child_spec;
using runtime::place;
using runtime::supervisor_spec;

constexpr std::size_t prefix_random_bytes = 4;
constexpr auto start_timeout = 10s;
constexpr auto gave_up_time = 2s;  ///< for a tree that has ended already

std::size_t shards_of(const runtime::config& from) {
  return from.node.shards != 0 ? from.node.shards : std::max(1U, std::thread::hardware_concurrency());
}

std::vector<runtime::shard*> homes_of(const context& ctx) {
  std::vector<runtime::shard*> all;
  for (const auto& each : ctx.shards) all.push_back(each.home);
  return all;
}

std::vector<runtime::listen_address> probed(const runtime::config& from) {
  std::vector<runtime::listen_address> all;
  for (const auto& text : from.gateway.listen) {
    auto wanted = runtime::listen_address::parse(text);
    if (!wanted) throw std::runtime_error{"gateway.listen: " + text + " is no numeric address with a port"};
    all.push_back(runtime::probe(*wanted));
  }
  return all;
}

/// Null: no address wants it.
std::shared_ptr<runtime::tls_context> make_tls(const runtime::config& from,
                                               const std::vector<runtime::listen_address>& listen) {
  if (std::ranges::none_of(listen, &runtime::listen_address::tls)) return nullptr;
  try {
    return std::make_shared<runtime::tls_context>(from.tls);
  } catch (const runtime::tls_error& e) {
    throw bad_config{e.what()};
  }
}

std::vector<std::string> methods_of(const extensions& mine) {
  std::vector<std::string> all;
  for (const auto& service : mine.services())
    for (const auto& method : service.methods) all.push_back(method.about.name);
  return all;
}

struct system_config : caf::actor_system_config {
  explicit system_config(std::size_t shards) {
    runtime::scheduler::install(*this, shards);
    runtime::add_error_category(*this);
  }
};

}  // namespace

struct engine::parts {
  parts(const runtime::config& c, std::string version, extensions mine)
      : config{c},
        vault{make_vault(config.secrets)},
        schemas{make_schemas(config, shards_of(config))},
        data{config.node.data_dir},
        loaded{load_extensions(config, std::move(mine), data.path() / "plugins")},
        listen{probed(config)},
        memory{make_memory(config)},
        disk{open_disk(config, data.database(), vault)},
        key_sets{make_key_sets(config.tokens,
                               secrets_of([this](const auto& name) { return disk->secret(name); }, vault.get()))},
        tokens{make_tokens(key_sets.get(), shards_of(config))},
        clock{disk->newest_ms()},
        metrics{shards_of(config)},
        meters{metrics, shards_of(config), methods_of(loaded.all)},
        ctx{.config = config,
            .memory = *memory,
            .disk = *disk,
            .database = disk.get(),
            .meters = meters,
            .policies = room_policies{config},
            .extensions = loaded.all,
            .tokens = tokens,
            .version = std::move(version),
            .started = std::chrono::steady_clock::now(),
            .now_ms = [this] { return clock.now_ms(); },
            .shards = {},
            .writer = {},
            .readers = std::vector<caf::actor>(config.store.readers),
            .sessions = {},
            .tls = make_tls(config, listen),
            .permissions = make_permissions(config),
            .limits = make_rate_limits(config.limits),
            .pressure = make_pressure(config.memory.budget_bytes),
            .audit = open_audit(config, data.path(), [this] { return clock.now_ms(); }),
            .vault = vault,
            .schemas = schemas,
            .process_prefix = runtime::random_text(prefix_random_bytes)},
        system_options{shards_of(config)},
        system{system_options} {
    if (vault) check_keys(*vault, *disk);
    ctx.keys = access_keeper::load_keys(*disk, ctx.permissions);
    ctx.revoked = access_keeper::load_revocations(*disk);
    disk->commit(
        storage::sessions_restart{clock.now_ms()});  // where the disk is full, they keep what deadline they had
    auto& shards = runtime::scheduler::of(system);
    ctx.shards.resize(shards.size());
    for (std::size_t i = 0; i < shards.size(); ++i) {
      ctx.shards[i].home = &shards.at(i);
      ctx.shards[i].compressors = std::make_unique<compressors>(config.gateway, meters);
    }
    if (key_sets) key_sets->load(data.path() / "jwks", clock.now_ms());
    http_shards = std::make_shared<runtime::http_shards>(homes_of(ctx));
    collect_node_metrics(metrics, ctx);
    if (ctx.limits) ctx.limits->collect(metrics);
    ctx.pressure->collect(metrics);
    register_behaviours(ctx);
    audit_trail::node(ctx, "node.start", "version " + ctx.version + ", pid " + std::to_string(::getpid()));
    runtime::rehearsal::allow(config.node.rehearsals);
  }

  using spawn_function = std::function<caf::actor(const place&)>;
  child_spec standing(std::string id, std::size_t shard, caf::actor& slot, spawn_function spawn);
  child_spec standing_supervisor(std::string id, std::size_t shard, caf::actor& slot, spawn_function spawn);
  supervisor_spec store_branch();
  supervisor_spec presence_branch();
  supervisor_spec rooms_branch();
  supervisor_spec services_branch();
  supervisor_spec gateway_branch();
  supervisor_spec tree();
  void listening();
  bool await_listening();
  void gave_up(const caf::error& why);

  const runtime::config config;
  const std::shared_ptr<storage::vault> vault;
  const std::shared_ptr<const greenroom::schemas> schemas;
  runtime::data_dir data;
  loaded_extensions loaded;
  std::vector<runtime::listen_address> listen;
  std::unique_ptr<storage::store> memory;
  std::unique_ptr<storage::sqlite_store> disk;
  const std::unique_ptr<greenroom::key_sets> key_sets;  // null: no token is accepted
  const std::shared_ptr<greenroom::tokens> tokens;
  node_clock clock;
  runtime::metrics metrics;
  greenroom::meters meters;
  context ctx;  // before the system: what it buries at its end may still answer
  system_config system_options;
  caf::actor_system system;
  caf::actor root, admin, secrets, certificates, key_fetcher;  // null without TLS, and without keys
  std::shared_ptr<runtime::http_shards> http_shards;
  std::unique_ptr<runtime::watchdog> watchdog;
  bool stopped = false;

  std::mutex mutex;
  std::condition_variable changed;
  std::size_t gateways_up = 0;
  bool stop_requested = false, reload_requested = false, has_given_up = false;
};

/// A child that is always there, on its shard. Supervision restarts in place, so its handle is set once; a second start
/// means that it has ended, which is a broken invariant: the start fails, and the supervisors give up.
child_spec engine::parts::standing(std::string id, std::size_t shard, caf::actor& slot, spawn_function spawn) {
  return {.id = std::move(id), .start = [this, shard, &slot, spawn = std::move(spawn)](const place& p) {
            if (slot) throw std::runtime_error{"an actor that is always there has ended"};
            return slot = spawn(place{p.system, ctx.shards[shard].home, p.supervisor});
          }};
}

/// The same for one that supervises children of its own.
child_spec engine::parts::standing_supervisor(std::string id, std::size_t shard, caf::actor& slot,
                                              spawn_function spawn) {
  auto spec = standing(std::move(id), shard, slot, std::move(spawn));
  spec.shutdown = runtime::as_long_as_it_takes;
  spec.kind = runtime::kind::supervisor;
  return spec;
}

void engine::parts::listening() {
  std::lock_guard guard{mutex};
  ++gateways_up;
  changed.notify_all();
}

supervisor_spec engine::parts::store_branch() {
  supervisor_spec spec{.id = "store"};
  spec.children.push_back(
      standing("writer", 0, ctx.writer, [this](const place& p) { return store_writer::spawn(p, {ctx}); }));
  for (std::size_t i = 0; i < ctx.readers.size(); ++i)
    spec.children.push_back(standing("reader " + std::to_string(i), 0, ctx.readers[i],
                                     [this](const place& p) { return store_reader::spawn(p, {ctx}); }));
  spec.children.push_back(
      standing("backups", 0, ctx.backups, [this](const place& p) { return store_backup::spawn(p, {ctx}); }));
  spec.children.push_back({.id = "keeper", .start = [this](const place& p) { return store_keeper::spawn(p, {ctx}); }});
  for (std::size_t i = 0; i < ctx.shards.size(); ++i)
    spec.children.push_back(standing("queue " + std::to_string(i), i, ctx.shards[i].queue, [this, i](const place& p) {
      return offline_queue::spawn(p, {ctx, i});
    }));
  for (auto& each : spec.children) each.limit = runtime::backoff{};  // the store's trouble never ends the node
  return spec;
}

supervisor_spec engine::parts::presence_branch() {
  supervisor_spec spec{.id = "presence"};
  for (std::size_t i = 0; i < ctx.shards.size(); ++i) {
    spec.children.push_back(
        standing("shard " + std::to_string(i), i, ctx.shards[i].presence, [this, i](const place& p) {
          return presence::spawn(p, {ctx, i});
        }));
    spec.children.back().limit = runtime::backoff{};  // who is online is never worth the node
  }
  return spec;
}

supervisor_spec engine::parts::rooms_branch() {
  supervisor_spec spec{.id = "rooms"};
  for (std::size_t i = 0; i < ctx.shards.size(); ++i) {
    spec.children.push_back(standing("relay " + std::to_string(i), i, ctx.shards[i].relay, [this, i](const place& p) {
      return relay::spawn(p, {ctx, i});
    }));
    spec.children.push_back(
        standing_supervisor("directory " + std::to_string(i), i, ctx.shards[i].rooms, [this, i](const place& p) {
          return room_directory::spawn(p, {ctx, i});
        }));
  }
  return spec;
}

supervisor_spec engine::parts::services_branch() {
  supervisor_spec spec{.id = "services"};
  for (std::size_t i = 0; i < ctx.shards.size(); ++i)
    spec.children.push_back(standing("router " + std::to_string(i), i, ctx.shards[i].router, [this, i](const place& p) {
      return router::spawn(p, {ctx, i});
    }));
  spec.children.push_back(standing_supervisor("directory", 0, ctx.services,
                                              [this](const place& p) { return service_directory::spawn(p, {ctx}); }));
  spec.children.push_back(standing("workers", 0, ctx.workers, [this](const place& p) {
    return worker_pool::spawn(p, {ctx, {}});
  }));
  for (const auto& [name, make] : ctx.extensions.actors())
    spec.children.push_back({.id = name,
                             .start =
                                 [this, make = make](const place& p) {
                                   return make(place{p.system, ctx.shards.front().home, p.supervisor}, ctx);
                                 },
                             .limit = runtime::backoff{}});
  return spec;
}

supervisor_spec engine::parts::gateway_branch() {
  supervisor_spec spec{.id = "gateway"};
  for (std::size_t i = 0; i < ctx.shards.size(); ++i)
    spec.children.push_back(
        standing_supervisor("shard " + std::to_string(i), i, ctx.shards[i].gateway, [this, i](const place& p) {
          return gateway::spawn(p, {ctx, i, listen, [this] { listening(); }, http_shards});
        }));
  return spec;
}

supervisor_spec engine::parts::tree() {
  supervisor_spec sessions{.id = "sessions"}, operations{.id = "operations"};
  sessions.children.push_back(standing_supervisor(
      "directory", 0, ctx.sessions, [this](const place& p) { return session_directory::spawn(p, {ctx}); }));
  operations.children.push_back(standing("plugins", 0, ctx.plugins, [this](const place& p) {
    return plugins::spawn(p, {ctx, loaded.plugins, data.path() / "plugins"});
  }));
  operations.children.push_back(
      standing("secrets", 0, secrets, [this](const place& p) { return secret_store::spawn(p, {ctx}); }));
  operations.children.push_back({.id = "access",
                                 .start = [this](const place& p) { return access_keeper::spawn(p, {ctx}); },
                                 .limit = runtime::backoff{}});
  operations.children.push_back(standing("admin", 0, admin, [this](const place& p) {
    return admin::spawn(p, {ctx, data.admin_socket().string(), secrets});
  }));

  operations.children.push_back({.id = "memory", .start = [this](const place& p) {
                                   return memory_watch::spawn(p, {ctx, {}});
                                 }});
  if (ctx.tls)
    operations.children.push_back(
        standing("certificates", 0, certificates, [this](const place& p) { return certificates::spawn(p, {ctx}); }));
  if (key_sets)
    operations.children.push_back(standing("keys", 0, key_fetcher, [this](const place& p) {
      auto one = key_fetcher::spawn(p, {ctx, *tokens, *key_sets, data.path() / "jwks"});
      tokens->fetched_by(one);
      return one;
    }));

  supervisor_spec node{.id = "node"};
  for (auto& branch :
       {store_branch(), presence_branch(), rooms_branch(), sessions, services_branch(), operations, gateway_branch()})
    node.children.push_back({.id = branch.id,
                             .start = [branch](const place& p) { return runtime::supervisor::spawn(p, branch); },
                             .shutdown = runtime::as_long_as_it_takes,
                             .kind = runtime::kind::supervisor});
  node.on_gave_up = [this](const caf::error& why) { gave_up(why); };
  return node;
}

void engine::parts::gave_up(const caf::error& why) {
  runtime::log::error("supervision gave up", {{"reason", runtime::explain(why)}});
  std::lock_guard guard{mutex};
  has_given_up = true;
  changed.notify_all();
}

/// False: supervision gave up before the node could accept.
bool engine::parts::await_listening() {
  std::unique_lock lock{mutex};
  const bool up =
      changed.wait_for(lock, start_timeout, [this] { return has_given_up || gateways_up >= ctx.shards.size(); });
  if (!up) throw std::runtime_error{"the supervisor tree did not start in time"};
  return !has_given_up;
}

engine::engine(const runtime::config& config, std::string version, extensions mine)
    : parts_{std::make_unique<parts>(config, std::move(version), std::move(mine))} {
  auto& p = *parts_;
  p.watchdog = std::make_unique<runtime::watchdog>(runtime::scheduler::of(p.system));
  p.root = runtime::supervisor::spawn({p.system, p.ctx.shards.front().home, {}}, p.tree());
  try {
    if (!p.await_listening()) return;
  } catch (...) {
    stop();
    throw;
  }
  runtime::tell(p.admin, admin::tree_root{p.root});
  p.ctx.at = stage::ready;
}

engine::~engine() { stop(); }

std::vector<std::string> engine::addresses() const {
  std::vector<std::string> all;
  for (const auto& each : parts_->listen) all.push_back(each.text());
  return all;
}

std::vector<std::string> engine::urls() const {
  std::vector<std::string> all;
  for (const auto& each : parts_->listen) all.push_back(each.url());
  return all;
}

bool engine::accepts() const noexcept { return parts_->ctx.at == stage::ready; }

void engine::request_stop() noexcept {
  std::lock_guard guard{parts_->mutex};
  parts_->stop_requested = true;
  parts_->changed.notify_all();
}

void engine::request_reload() noexcept {
  std::lock_guard guard{parts_->mutex};
  parts_->reload_requested = true;
  parts_->changed.notify_all();
}

engine::outcome engine::wait() {
  auto& p = *parts_;
  std::unique_lock lock{p.mutex};
  for (;;) {
    p.changed.wait(lock, [&p] { return p.stop_requested || p.has_given_up || p.reload_requested; });
    if (p.stop_requested || p.has_given_up) return p.has_given_up ? outcome::gave_up : outcome::stopped;
    p.reload_requested = false;
    lock.unlock();
    if (p.certificates) caf::anon_send(p.certificates, certificates::reload{});
    if (p.key_fetcher) caf::anon_send(p.key_fetcher, key_fetcher::reload{});
    if (!p.certificates && !p.key_fetcher)
      runtime::log::info("there is nothing to reload: no address speaks TLS, and tokens.keys is empty");
    lock.lock();
  }
}

void engine::stop() {
  auto& p = *parts_;
  if (std::exchange(p.stopped, true)) return;
  const auto deadline =
      std::chrono::steady_clock::now() + (p.has_given_up ? std::chrono::milliseconds{gave_up_time}
                                                         : std::chrono::milliseconds{p.config.node.stop_timeout_ms});
  p.ctx.at = stage::draining;
  if (p.root && !p.has_given_up) {
    caf::scoped_actor self{p.system};
    runtime::log::info("draining",
                       {{"connections", p.meters.connections.load()}, {"sessions", p.meters.sessions.load()}});
    self->request(p.ctx.sessions, limits::ask_timeout, session_directory::announce{"draining", {}})
        .receive([](const session_directory::announce::reply&) {},
                 [](const caf::error&) {});  // told before they are closed
    const auto drain_time = std::chrono::milliseconds{p.config.node.drain_timeout_ms} +
                            2 * std::chrono::milliseconds{p.config.gateway.close_timeout_ms};
    std::size_t open = 0;
    for (auto& each : p.ctx.shards)
      if (each.gateway) {
        self->send(each.gateway, gateway::drain{caf::actor_cast<caf::actor>(self)});
        ++open;
      }
    const auto until = std::min(deadline, std::chrono::steady_clock::now() + drain_time);
    bool in_time = true;
    while (open != 0 && in_time)
      self->receive([&](const gateway::drained&) { --open; },
                    caf::after(std::max(0ns, std::chrono::nanoseconds{until - std::chrono::steady_clock::now()})) >>
                        [&] { in_time = false; });
    if (!in_time)
      runtime::log::warn("connections did not close in time", {{"connections", p.meters.connections.load()}});
    self->request(p.ctx.writer, limits::ask_timeout,  // behind everything that the clients have left
                  store_writer::commit{std::make_shared<store_writer::parcel>(p.ctx, store_writer::operations{})})
        .receive([](const store_writer::commit::reply&) {}, [](const caf::error&) {});
  }
  if (p.root) caf::anon_send_exit(p.root, caf::exit_reason::user_shutdown);
  if (!runtime::await_actors(p.system, deadline)) runtime::log::warn("actors did not end in time");
  audit_trail::node(p.ctx, "node.stop", p.has_given_up ? "supervision gave up" : "asked to");
  if (p.ctx.audit) p.ctx.audit->close();
  p.watchdog.reset();
  p.ctx.writer = p.ctx.backups = nullptr;
  p.ctx.readers.clear();
  if (p.tokens) p.tokens->fetched_by(nullptr);
  p.root = p.admin = p.secrets = p.certificates = p.key_fetcher = p.ctx.sessions = p.ctx.services = p.ctx.workers =
      p.ctx.plugins = nullptr;
  for (auto& each : p.ctx.shards)
    each.relay = each.rooms = each.queue = each.presence = each.router = each.gateway = nullptr;
}

}  // namespace greenroom
