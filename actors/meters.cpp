#include "actors/meters.hpp"

#include "codecs/methods.hpp"
#include "runtime/shard.hpp"

namespace greenroom {
namespace {

constexpr std::string_view unknown_method = "other";

std::string_view word(drop_reason why) {
  switch (why) {
    case drop_reason::slow_consumer: return "slow_consumer";
    case drop_reason::latest: return "latest";
    case drop_reason::trimmed: return "trimmed";
    case drop_reason::damaged: return "damaged";
    case drop_reason::presence: return "presence";
  }
  return "other";
}

std::string_view word(request_end how) {
  switch (how) {
    case request_end::answered: return "answered";
    case request_end::refused: return "refused";
    case request_end::timed_out: return "timed_out";
    case request_end::unavailable: return "unavailable";
    case request_end::late: return "late";
  }
  return "other";
}

std::string_view word(engineio_event what) {
  switch (what) {
    case engineio_event::opened_polling: return "opened_polling";
    case engineio_event::opened_websocket: return "opened_websocket";
    case engineio_event::upgraded: return "upgraded";
    case engineio_event::timed_out: return "timed_out";
    case engineio_event::refused: return "refused";
  }
  return "other";
}

std::string_view word(worker_end how) {
  switch (how) {
    case worker_end::answered: return "answered";
    case worker_end::failed: return "failed";
    case worker_end::lost: return "lost";
    case worker_end::overdue: return "overdue";
    case worker_end::refused: return "refused";
  }
  return "other";
}

/// What there is now.
void add_gauges(runtime::metrics& to, const meters& now) {
  const auto add = [&to](std::string name, std::string help, const std::atomic<std::uint64_t>& what) {
    to.collect({std::move(name), std::move(help)}, runtime::metrics::kind::gauge,
               [&what] { return static_cast<double>(what.load()); });
  };
  add("greenroom_connections", "WebSocket connections that are open.", now.connections);
  add("greenroom_sessions", "Sessions, detached ones included.", now.sessions);
  add("greenroom_detached_sessions", "Sessions that wait for their client to come back.", now.detached_sessions);
  add("greenroom_users_online", "Users with a session, detached ones included.", now.users_online);
  add("greenroom_watches", "Users that sessions watch, each as often as it is watched.", now.watches);
  add("greenroom_rooms", "Rooms in memory.", now.rooms);
}

}  // namespace

meters::meters(runtime::metrics& to, std::size_t shards, const std::vector<std::string>& of_services)
    : metrics_{to},
      messages_in_{to.add_counter({"greenroom_messages_in_total", "Messages that clients sent.", {"codec"}})},
      bytes_in_{to.add_counter({"greenroom_bytes_in_total", "Bytes of the messages that clients sent.", {"codec"}})},
      messages_out_{to.add_counter(
          {"greenroom_messages_out_total", "Answers and messages handed to clients' outboxes.", {"codec"}})},
      bytes_out_{to.add_counter({"greenroom_bytes_out_total", "Bytes of them, frame headers included.", {"codec"}})},
      encoded_{to.add_counter({"greenroom_encoded_messages_total",
                               "Rooms' messages encoded, once for all members of a codec.",
                               {"codec"}})},
      calls_{to.add_counter({"greenroom_calls_total", "Calls answered, errors included.", {"method"}})},
      errors_{
          to.add_counter({"greenroom_call_errors_total", "Calls answered with an error.", {"method", "code"}, 500})},
      drops_{
          to.add_counter({"greenroom_dropped_messages_total", "Messages that a member did not receive.", {"reason"}})},
      rosters_{to.add_counter(
          {"greenroom_room_presence_total", "Notices of who is in a room, by what they hold.", {"kind"}})},
      presence_changes_{
          to.add_counter({"greenroom_presence_changes_total", "Changes of watched users, told to their watchers."})},
      watch_refusals_{
          to.add_counter({"greenroom_watches_refused_total", "Calls of presence.watch refused for a bound."})},
      forgotten_{to.add_counter({"greenroom_last_seen_forgotten_total",
                                 "Users who are gone and of whom the node forgot when they were last online."})},
      closes_{
          to.add_counter({"greenroom_connections_closed_total", "Connections that ended, by close code.", {"code"}})},
      opens_{to.add_counter({"greenroom_sessions_opened_total", "Sessions opened, fresh and resumed.", {"how"}})},
      not_stored_{to.add_counter(
          {"greenroom_sessions_not_stored_total", "Sessions opened or resumed while the disk took nothing."})},
      early_expiries_{to.add_counter({"greenroom_sessions_expired_early_total",
                                      "Detached sessions that ended before their window, for a bound."})},
      tokens_refused_{to.add_counter({"greenroom_tokens_refused_total", "Tokens that were not accepted."})},
      client_requests_{to.add_counter(
          {"greenroom_client_requests_total", "Requests of the node to clients, by their end.", {"outcome"}})},
      pushes_dropped_{to.add_counter(
          {"greenroom_pushes_dropped_total", "Notifications for a session whose client was not connected."})},
      compressed_out_{to.add_counter({"greenroom_compressed_messages_out_total",
                                      "Of the messages handed to clients' outboxes, those that are compressed."})},
      compressions_{to.add_counter(
          {"greenroom_compressions_total",
           "Messages given to the compressor: one for all members of a room that take the same codec and window."})},
      compression_in_{to.add_counter({"greenroom_compression_bytes_in_total", "Bytes of them before."})},
      compression_out_{to.add_counter(
          {"greenroom_compression_bytes_out_total", "Bytes of them after; those that would grow count as they were."})},
      compression_agreed_{to.add_counter(
          {"greenroom_compression_agreed_total", "Connections that agreed on compression in their handshake."})},
      worker_calls_{
          to.add_counter({"greenroom_worker_calls_total", "Requests to remote workers, by their end.", {"outcome"}})},
      engineio_{
          to.add_counter({"greenroom_engineio_events_total", "What happened to sessions of Engine.IO.", {"event"}})},
      refusals_{to.add_counter({"greenroom_refused_total", "Calls that their callers may not make.", {"action"}})},
      revocations_{to.add_counter({"greenroom_memberships_revoked_total", "Memberships that newer tokens ended."})},
      call_latency_{
          to.add_histogram({"greenroom_call_seconds", "From reading a call to writing its answer.", {"method"}})},
      publish_to_flush_{
          to.add_histogram({"greenroom_publish_to_flush_seconds",
                            "From reading a publish to the end of the turn that wrote its frames to the sockets."})},
      worker_latency_{
          to.add_histogram({"greenroom_worker_call_seconds", "From giving a call to a remote worker to its answer."})} {
  add_gauges(to, *this);
  for (std::size_t i = 0; i < shards; ++i) add_shard(to.of(i), of_services);
}

void meters::add_shard(runtime::metrics::book& book, const std::vector<std::string>& of_services) {
  of_shard one{.book = &book,
               .codecs = {},
               .methods = {},
               .publish_to_flush = &book.at(publish_to_flush_),
               .compressed_out = &book.at(compressed_out_),
               .compressions = &book.at(compressions_),
               .compression_in = &book.at(compression_in_),
               .compression_out = &book.at(compression_out_)};
  for (std::size_t c = 0; c < codecs::encoding_count; ++c) {
    auto name = codecs::name_of(static_cast<codecs::encoding>(c));
    one.codecs.push_back({&book.at(messages_in_, {name}), &book.at(bytes_in_, {name}), &book.at(messages_out_, {name}),
                          &book.at(bytes_out_, {name}), &book.at(encoded_, {name})});
  }
  auto add = [&](std::string_view name) {
    one.methods.emplace(name,
                        method_meter{std::string{name}, &book.at(calls_, {name}), &book.at(call_latency_, {name})});
  };
  for (const auto& each : codecs::methods()) add(each.name);
  for (const auto& each : of_services) add(each);
  add(unknown_method);
  shards_.push_back(std::move(one));
}

meters::sums meters::totals() const {
  sums all{connections.load(), sessions.load(), users_online.load(), rooms.load(), 0, 0};
  for (const auto& shard : shards_)
    for (const auto& codec : shard.codecs) {
      all.messages_in += codec.messages_in->get();
      all.messages_out += codec.messages_out->get();
    }
  return all;
}

meters::of_shard& meters::here() {
  auto* shard = runtime::shard::current();
  return shards_[shard ? shard->id() : 0];
}

method_meter& meters::method(std::string_view name) {
  auto& methods = here().methods;
  auto found = methods.find(name);
  return found != methods.end() ? found->second : methods.find(unknown_method)->second;
}

void meters::answered(const method_meter& method, int error, std::chrono::steady_clock::time_point asked) {
  method.calls->add();
  if (error != 0) here().book->at(errors_, {method.name, std::to_string(error)}).add();
  if (runtime::shard::current())  // a turn is long enough to matter: not the shard's cached time
    method.latency->observe(static_cast<std::uint64_t>((std::chrono::steady_clock::now() - asked).count()));
}

void meters::received(codecs::encoding in, std::size_t bytes) {
  auto& of = here().codecs[static_cast<std::size_t>(in)];
  of.messages_in->add();
  of.bytes_in->add(bytes);
}

void meters::sent(codecs::encoding in, std::size_t messages, std::size_t bytes, std::size_t compressed) {
  auto& shard = here();
  auto& of = shard.codecs[static_cast<std::size_t>(in)];
  of.messages_out->add(messages);
  of.bytes_out->add(bytes);
  if (compressed != 0) shard.compressed_out->add(compressed);
}

void meters::encoded(codecs::encoding in, std::size_t messages) {
  here().codecs[static_cast<std::size_t>(in)].encoded->add(messages);
}

void meters::compressed(std::size_t runs, std::size_t bytes_before, std::size_t bytes_after) {
  auto& shard = here();
  shard.compressions->add(runs);
  shard.compression_in->add(bytes_before);
  shard.compression_out->add(bytes_after);
}

void meters::compression_agreed() { here().book->at(compression_agreed_).add(); }

void meters::flushed(std::chrono::nanoseconds since_received) {
  here().publish_to_flush->observe(static_cast<std::uint64_t>(since_received.count()));
}

void meters::dropped(drop_reason why, std::uint64_t messages) { here().book->at(drops_, {word(why)}).add(messages); }
void meters::roster_sent(std::string_view kind, std::uint64_t members) {
  here().book->at(rosters_, {kind}).add(members);
}
void meters::presence_changed() { here().book->at(presence_changes_).add(); }
void meters::watch_refused() { here().book->at(watch_refusals_).add(); }
void meters::last_seen_forgotten(std::uint64_t users) { here().book->at(forgotten_).add(users); }
void meters::connection_closed(std::uint16_t code) { here().book->at(closes_, {std::to_string(code)}).add(); }
void meters::session_expired_early() { here().book->at(early_expiries_).add(); }
void meters::client_request(request_end how) { here().book->at(client_requests_, {word(how)}).add(); }
void meters::worker_call(worker_end how, std::chrono::nanoseconds took) {
  auto& book = *here().book;
  book.at(worker_calls_, {word(how)}).add();
  if (how == worker_end::answered || how == worker_end::failed)
    book.at(worker_latency_).observe(static_cast<std::uint64_t>(took.count()));
}
void meters::engineio(engineio_event what) { here().book->at(engineio_, {word(what)}).add(); }
void meters::push_dropped() { here().book->at(pushes_dropped_).add(); }
void meters::token_refused() { here().book->at(tokens_refused_).add(); }
void meters::refused(std::string_view what) {
  constexpr std::string_view of_services = "service.call";  // those of services stand under one name
  here().book->at(refusals_, {what == of_services ? of_services : std::string_view{method(what).name}}).add();
}
void meters::membership_revoked() { here().book->at(revocations_).add(); }
void meters::session_not_stored() { here().book->at(not_stored_).add(); }
void meters::session_opened(bool resumed) { here().book->at(opens_, {resumed ? "resumed" : "fresh"}).add(); }

}  // namespace greenroom
