/// NODE_FIXTURE is a node without sockets and threads: real gateways, sessions, rooms, relays and inboxes on one thread
/// and a clock that only the test moves, with clients that speak the native protocol over fake transports.
///
///   auto& ann = connect();
///   ann.open("ann");
///   ann.call("room.join", R"({"room":"lobby"})");
///   CHECK(ann.story() == strings{...});            everything that she was sent since the last look, a line each
///
/// Lines of a story: `room.join ok`, `room.join -32008` (answers), `lobby 3 "hi"` (room, seq, payload), `inbox 1 "hi"`,
/// `inbox acked 1`, `lobby dropped 3..7`, `notice draining`, `game.confirm? "s1" {"x":1}` (a request of the node's),
/// `close 4009 session_replaced`; `[` and `]` around a batch. Who is there is left out: it comes by the clock.
///
/// The actors that are always there have a nurse for a supervisor: it restarts at once whatever fails, and on crash()
/// drops a life between two messages. Config, extensions and shards may be changed until the first connect(), and before
/// a restart().
#pragma once

#include <boost/json/value.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "actors/access.hpp"
#include "actors/context.hpp"
#include "actors/peer.hpp"
#include "codecs/client_rpc.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/fake_transport.hpp"
#include "tests/support/faulty_store.hpp"

namespace greenroom::tests {

using json = boost::json::value;
using strings = std::vector<std::string>;
using numbers = std::vector<std::uint64_t>;

std::uint64_t number(const json& of, std::string_view member);
std::string text(const json& of, std::string_view member);
/// The member as compact JSON; "-" where there is none.
std::string dump(const json& of, std::string_view member);
std::string dump(const json& what);
/// first, first + 1 … last.
numbers range(std::uint64_t first, std::uint64_t last);

class node_fixture;

/// One client program on one connection.
class client {
 public:
  struct heard {
    std::optional<std::uint64_t> id;  ///< of an answer
    std::string method;               ///< of the notification, or of the request that this answers
    std::string request;              ///< the id of a request of the node's, as JSON; empty: none
    json body;                        ///< params or result
    std::optional<codecs::error> failure;
    codecs::format in;
    bool compressed = false;
    bool answer() const { return id.has_value(); }
  };
  struct settings {
    codecs::codec_id codec = codecs::codec_id::native_json;
    std::size_t shard = 0;
    access::origin from = access::origin::loopback;
    std::optional<principal> admitted{};  ///< who it is, as its handshake has shown
    runtime::outbox_bounds outbox{};
    fake_transport::extension agreed = fake_transport::extension::none;
    int window_bits = fake_transport::usual_window_bits;  ///< that it agreed on
  };

  client(node_fixture& node, const settings& how);

  // --- without waiting
  std::uint64_t send(std::string_view method, std::string_view params = "{}");
  std::uint64_t send_as(codecs::format as, std::string_view method, std::string_view params = "{}");
  void notify(std::string_view method, std::string_view params = "{}");
  void say(std::string_view text);  ///< raw JSON text
  void answer(std::string_view request, std::string_view result);
  void fail(std::string_view request, int code, std::string_view message);

  // --- and settle
  json call(std::string_view method, std::string_view params = "{}");
  codecs::error refused(std::string_view method, std::string_view params = "{}");
  json open(std::string_view user);
  json join(std::string_view room);
  json publish(std::string_view room, std::string_view payload);
  /// Attaches to the session that `was` (an answer of session.open) opened.
  json resume(const json& was, std::string_view positions = {});

  // --- what came
  strings story();
  std::vector<heard> take();
  std::vector<heard> messages(std::string_view room);  ///< takes everything, gives the room's messages
  numbers seqs(std::string_view room);                 ///< takes everything, gives their positions

  fake_transport& wire() { return *wire_; }
  greenroom::peer& peer() { return *peer_; }
  codecs::codec_id codec() const { return how_.codec; }

 private:
  void read();
  void read_document(codecs::format in, const json& what, bool compressed);
  const heard& settled(std::uint64_t id);

  node_fixture& node_;
  settings how_;
  std::shared_ptr<greenroom::peer> peer_;
  std::shared_ptr<fake_transport> wire_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, std::string> asked_;
  std::vector<heard> heard_;
};

class node_fixture : public actor_fixture {
 public:
  node_fixture();
  ~node_fixture();

  runtime::config config = runtime::default_config(runtime::preset::dev);
  std::size_t shards = 1;
  greenroom::extensions extensions;

  /// The default namespace's policy, and any other's.
  runtime::namespace_config& policy(std::string_view name = runtime::config::default_namespace);

  client& connect(const client::settings& how);
  client& connect() { return connect({}); }
  client& connect_msgpack() { return connect({.codec = codecs::codec_id::native_msgpack}); }
  context& ctx();
  faulty_store& store();  ///< in memory: the logs of ephemeral rooms
  faulty_store& disk();   ///< everything else
  faulty_store& store_of(std::string_view room);
  const caf::actor& nurse();
  /// Ends this life of an actor that is always there, between two messages; the next one begins at once.
  void crash(const caf::actor& who);
  /// A handler of that actor throws, as it were; its supervisor decides.
  void fail(const caf::actor& who);
  /// The same for the next actor of that name to run, before it has; nothing where none comes.
  void fail_next(std::string_view name);
  /// What the node counted under this line of /metrics; 0 where it is not there.
  double figure(std::string_view series);

  void settle();
  /// The same, but actors of that name do not get to run: a disk, say, that takes its time.
  void settle_without(std::string_view name);
  /// The process ends without a word, and another one starts on its disk: actors, connections and memory are gone.
  /// What a client has read is still in its story.
  void restart();
  /// Jobs and writes in an order of the seed's choosing, one message at a time; at most so many.
  void settle_randomly(std::mt19937& random, std::size_t steps_max = SIZE_MAX);
  void advance(caf::timespan by);

 private:
  struct parts;
  friend class client;
  parts& node();
  void start();
  bool flush();

  const caf::actor_clock::time_point began_ = jobs.clock().current_time;
  std::unique_ptr<parts> parts_;
  std::vector<std::unique_ptr<parts>> past_;  ///< of processes that have ended
};

}  // namespace greenroom::tests
