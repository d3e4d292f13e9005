#include "tests/bench/quiet_node.hpp"

#include <array>
#include <stdexcept>
#include <utility>

#include "actors/broadcast.hpp"
#include "actors/gateway.hpp"
#include "actors/offline_queue.hpp"
#include "actors/permissions.hpp"
#include "actors/presence.hpp"
#include "actors/relay.hpp"
#include "actors/room_directory.hpp"
#include "actors/router.hpp"
#include "actors/service_behaviour.hpp"
#include "actors/service_directory.hpp"
#include "actors/session_directory.hpp"
#include "actors/store_reader.hpp"
#include "actors/store_writer.hpp"
#include "actors/worker_pool.hpp"
#include "codecs/client_rpc.hpp"
#include "runtime/ask.hpp"
#include "runtime/errc.hpp"
#include "storage/memory_store.hpp"

namespace greenroom::bench {
namespace {

constexpr std::size_t messages_per_resume = 64;     // as a shard's
constexpr std::size_t vectors_per_write = 64;       // as a connection's
constexpr std::int64_t now_ms = 1'767'225'600'000;  // 2026-01-01

std::string payload() {
  const std::string around = R"({"text":""})";
  return R"({"text":")" + std::string(quiet_node::payload_bytes - around.size(), 'x') + R"("})";
}

class echo final : public service_behaviour {
 public:
  using service_behaviour::service_behaviour;
  void say(const codecs::payload_ptr& what, service_request request) { request.reply(what); }
};

}  // namespace

// --- the socket

void sink_transport::flush() {
  std::array<iovec, vectors_per_write> pieces;
  while (const auto count = out_.gather(pieces)) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i != count; ++i) bytes += pieces[i].iov_len;
    out_.consume(bytes);
  }
  if (out_.take_drained() && events_) events_->on_drained();
}

runtime::shard& sink_transport::home() const noexcept { std::terminate(); }  // there is none, and nobody asks

// --- the node

quiet_node::system_config::system_config() {
  set("scheduler.policy", caf::atom("testing"));
  set("scheduler.max-throughput", messages_per_resume);
  runtime::add_error_category(*this);
}

struct quiet_node::parts {
  parts()
      : memory{storage::make_memory_store()},
        disk{storage::make_memory_store()},
        metrics{1},
        meters{metrics, 1},
        ctx{.config = config,
            .memory = *memory,
            .disk = *disk,
            .meters = meters,
            .policies = room_policies{config},
            .extensions = services(),
            .version = "bench",
            .started = {},
            .now_ms = [] { return now_ms; },
            .shards = {},
            .writer = {},
            .readers = {},
            .sessions = {},
            .permissions = make_permissions(config),
            .process_prefix = "aB3dEf"} {
    ctx.at = stage::ready;
    ctx.shards.resize(1);
    ctx.shards[0].compressors = std::make_unique<compressors>(config.gateway, meters);
  }

  static greenroom::extensions services() {
    greenroom::extensions all;
    all.add(service<echo>("echo").answers("echo.say", "Answers what it was given.", &echo::say));
    return all;
  }

  static runtime::config configured() {
    auto made = runtime::default_config(runtime::preset::dev);
    made.namespaces.find(runtime::config::default_namespace)->second.history_count = history_messages;
    return made;
  }

  const runtime::config config = configured();
  std::unique_ptr<storage::store> memory, disk;
  runtime::metrics metrics;
  greenroom::meters meters;
  context ctx;
};

quiet_node::quiet_node()
    : jobs_{dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler())}, parts_{std::make_unique<parts>()} {
  const runtime::place here{system_, nullptr, {}};
  auto& ctx = parts_->ctx;
  ctx.writer = keep(store_writer::spawn(here, {ctx}));
  ctx.readers = {keep(store_reader::spawn(here, {ctx}))};
  ctx.sessions = keep(session_directory::spawn(here, {ctx}));
  auto& shard = ctx.shards[0];
  shard.relay = keep(relay::spawn(here, {ctx, 0}));
  shard.rooms = keep(room_directory::spawn(here, {ctx, 0}));
  shard.presence = keep(presence::spawn(here, {ctx, 0}));
  shard.queue = keep(offline_queue::spawn(here, {ctx, 0}));
  shard.router = keep(router::spawn(here, {ctx, 0}));
  shard.gateway = keep(gateway::spawn(here, {ctx, 0, {}, {}}));
  ctx.services = keep(service_directory::spawn(here, {ctx}));
  ctx.workers = keep(worker_pool::spawn(here, {ctx, {}}));
  settle();
  publisher_ = &connect(codecs::codec_id::native_json);
  must_answer(*publisher_, R"({"jsonrpc":"2.0","id":1,"method":"session.open","params":{"user":"publisher"}})");
}

quiet_node::~quiet_node() {
  for (auto& each : owned_) caf::anon_send_exit(each, caf::exit_reason::kill);
  owned_.clear();
  settle();
  clients_.clear();
  parts_.reset();
  settle();
  system_.await_actors_before_shutdown(false);
}

caf::actor quiet_node::keep(caf::actor who) {
  owned_.push_back(who);
  return who;
}

context& quiet_node::ctx() noexcept { return parts_->ctx; }

/// A shard's turns: actors until none is ready, then the sockets that have something to write.
void quiet_node::settle() {
  for (;;) {
    unit_.run.insert(unit_.run.end(), jobs_.jobs.begin(), jobs_.jobs.end());
    jobs_.jobs.clear();
    while (!unit_.run.empty()) {
      auto* job = unit_.run.front();
      unit_.run.pop_front();
      switch (job->resume(&unit_, messages_per_resume)) {
        case caf::resumable::resume_later: unit_.run.push_back(job); break;
        case caf::resumable::shutdown_execution_unit: break;
        default: caf::intrusive_ptr_release(job);
      }
    }
    if (dirty_.empty() && jobs_.jobs.empty()) return;
    flushed_.swap(dirty_);
    for (auto* each : flushed_) each->flush();
    flushed_.clear();
  }
}

quiet_node::client& quiet_node::connect(codecs::codec_id codec) {
  auto& made = clients_.emplace_back();
  made.speaks = std::make_shared<greenroom::peer>(ctx(), 0, codecs::make_native_dialogue(codec));
  made.wire = std::make_shared<sink_transport>(*made.speaks, dirty_);
  made.speaks->attach(made.wire);
  runtime::tell(ctx().shards[0].gateway, gateway::opened{.client = made.speaks, .from = access::origin::loopback});
  settle();
  return made;
}

void quiet_node::must_answer(client& who, std::string_view request) {
  const auto before = who.wire->stats().frames;
  who.wire->say(runtime::frame_kind::text, request);
  settle();
  if (who.wire->stats().frames == before) throw std::logic_error{"a call was not answered: " + std::string{request}};
}

void quiet_node::enter(codecs::codec_id codec, std::size_t how_many) {
  for (std::size_t i = 0; i != how_many; ++i) {
    auto& one = connect(codec);
    const auto user = "u" + std::to_string(clients_.size());
    must_answer(one, R"({"jsonrpc":"2.0","id":1,"method":"session.open","params":{"user":")" + user + R"("}})");
    must_answer(one,
                R"({"jsonrpc":"2.0","id":2,"method":"room.join","params":{"room":")" + std::string{room} + R"("}})");
    members_.push_back(&one);
  }
}

/// `requests`: the same one in each format.
void quiet_node::say(codecs::format as, const std::string (&requests)[2], std::size_t times) {
  const auto kind = as == codecs::format::json ? runtime::frame_kind::text : runtime::frame_kind::binary;
  for (std::size_t i = 0; i != times; ++i) publisher_->wire->say(kind, requests[static_cast<std::size_t>(as)]);
  settle();
}

void quiet_node::publish(codecs::format as, std::size_t messages) {
  static const auto params = R"({"room":")" + std::string{room} + R"(","event":"say","payload":)" + payload() + '}';
  static const std::string requests[]{codecs::encode_request(codecs::format::json, 1, "room.publish", params),
                                      codecs::encode_request(codecs::format::msgpack, 1, "room.publish", params)};
  say(as, requests, messages);
}

void quiet_node::call(codecs::format as, std::size_t times) {
  static const std::string requests[]{codecs::encode_request(codecs::format::json, 1, "echo.say", payload()),
                                      codecs::encode_request(codecs::format::msgpack, 1, "echo.say", payload())};
  say(as, requests, times);
}

void quiet_node::warm_up(codecs::format as, std::size_t burst) {
  constexpr std::size_t most = 32;
  for (std::size_t i = 0; i <= history_messages / most; ++i) publish(as, most);
  for (std::size_t i = 0; i != 4; ++i) publish(as, burst);
}

/// The positions go on where the room's log ends, so that its members are not fed from the log.
void quiet_node::relay_turn(std::size_t messages) {
  static const auto body = std::make_shared<const codecs::payload>(codecs::format::json, payload());
  if (epoch_.empty()) {
    const auto head = ctx().memory.head(room);
    epoch_ = head->epoch;
    relayed_ = head->last;
  }
  broadcast::list items;
  items.reserve(messages);
  for (std::size_t i = 0; i != messages; ++i) {
    auto one = std::make_shared<codecs::envelope>();
    *one = {.room = std::string{room},
            .epoch = epoch_,
            .seq = ++relayed_,
            .id = "0190a2b4-1c2d-7e3f-8a4b-5c6d7e8f9a0b",
            .event = "say",
            .from = "ann",
            .at_ms = now_ms,
            .body = body};
    items.push_back({std::move(one), incarnation::none});
  }
  auto all =
      std::make_shared<const broadcast>(std::move(items), std::chrono::steady_clock::time_point{}, &ctx().meters);
  runtime::tell(ctx().shards[0].relay, relay::deliver{std::move(all), nullptr});
  settle();
}

std::uint64_t quiet_node::delivered() const {
  std::uint64_t sum = 0;
  for (const auto* each : members_) sum += each->wire->stats().messages;
  return sum;
}

std::uint64_t quiet_node::answered() const { return publisher_->wire->stats().frames; }

}  // namespace greenroom::bench
