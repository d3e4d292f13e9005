#include <malloc.h>
#include <catch2/catch.hpp>

#include <chrono>
#include <vector>

#include "runtime/websocket.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/web_server.hpp"

namespace greenroom::runtime {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using clock = std::chrono::steady_clock;

frame text(std::string_view payload) { return socket_record::server_frame(ws::text, payload); }

/// The code of the close frame that comes next, and of nothing else.
std::uint16_t closed_with(raw_socket& client) {
  const auto got = ws::read_frame(client);
  return got && got->op == ws::close ? got->code() : std::uint16_t{0};
}

}  // namespace

// --- closing ---

TEST_CASE("websocket: what is queued leaves before the close frame, and both halves close cleanly") {
  web_server server;
  auto client = open_socket(server);
  auto& record = server.newest();
  server.on_shard([&] {
    for (int i = 0; i != 3; ++i) record.wire->out().push_reply(text(std::to_string(i)));
    record.wire->close(1001, "going");
    record.wire->close(1011, "again");
    CHECK(record.wire->out().push_reply(text("late")) == outbox::verdict::closed);
  });
  for (int i = 0; i != 3; ++i) CHECK(ws::read_frame(client)->payload == std::to_string(i));
  const auto last = ws::read_frame(client);
  REQUIRE(last);
  CHECK(last->code() == 1001);
  CHECK(last->reason() == "going");
  client.send(ws::frame(ws::text, "unheard") + ws::frame(ws::close, last->payload));
  CHECK(client.at_end());
  CHECK(server.eventually([&] { return record.closes.size() == 1; }));
  server.on_shard([&] {
    CHECK(record.closes.front().code == 1001);
    CHECK(record.closes.front().reason == "going");
    CHECK(record.closes.front().clean);
    CHECK(record.texts.empty());
  });
}

TEST_CASE("websocket: frames queued before the peer's close still leave before its answer") {
  web_server server;
  auto client = open_socket(server);
  std::string many;
  for (int i = 0; i != 100; ++i) many += ws::frame(ws::text, std::string(1'000, 'm'));
  client.send(many + ws::frame(ws::close, ws::close_payload(1000)));
  for (int i = 0; i != 100; ++i) CHECK(ws::read_frame(client)->op == ws::text);
  CHECK(closed_with(client) == 1000);
}

TEST_CASE("websocket: a megabyte of output arrives whole before the close frame") {
  web_server server;
  auto client = open_socket(server, 4'096);
  auto& record = server.newest();
  server.on_shard([&] {
    for (int i = 0; i != 100; ++i)
      record.wire->out().push_reply(text(std::string(10'000, static_cast<char>('a' + i % 26))));
    record.wire->close(1012, "restart");
  });
  for (int i = 0; i != 100; ++i)
    REQUIRE(ws::read_frame(client)->payload == std::string(10'000, static_cast<char>('a' + i % 26)));
  CHECK(closed_with(client) == 1012);
}

TEST_CASE("websocket: a peer that reads nothing is cut off when the close deadline passes") {
  web_server server{{}, {.close_timeout_ms = 150}};
  auto client = open_socket(server, 4'096);
  auto& record = server.newest();
  const auto began = clock::now();
  server.on_shard([&] {
    for (int i = 0; i != 400; ++i) record.wire->out().push_reply(text(std::string(10'000, 'x')));
    record.wire->close(1012, "restart");
  });
  CHECK(server.eventually([&] { return record.closes.size() == 1; }));
  server.on_shard([&] {
    CHECK(record.closed_at - began >= 150ms);
    CHECK(record.closed_at - began < 400ms);
    CHECK(record.closes.front().code == 1012);
    CHECK_FALSE(record.closes.front().clean);
  });
  CHECK(server.eventually([&] { return server.server->stats().connections == 0; }));
}

TEST_CASE("websocket: a peer that never answers a close frame is cut off when the deadline passes") {
  web_server server{{}, {.close_timeout_ms = 100}};
  auto client = open_socket(server);
  auto& record = server.newest();
  server.on_shard([&] { record.wire->close(1000, ""); });
  CHECK(closed_with(client) == 1000);
  CHECK(client.at_end());
  CHECK(server.eventually([&] { return record.closes.size() == 1 && !record.closes.front().clean; }));
}

TEST_CASE("websocket: a peer that vanishes is reported as 1006, once") {
  web_server server;
  const auto reset = GENERATE(true, false);
  auto client = open_socket(server);
  auto& record = server.newest();
  reset ? client.close_with_reset() : client.close();
  CHECK(server.eventually([&] { return record.closes.size() == 1; }));
  server.on_shard([&] {
    CHECK(record.closes.front().code == close_code::abnormal);
    CHECK_FALSE(record.closes.front().clean);
    CHECK(record.wire->out().push_reply(text("late")) == outbox::verdict::closed);
    record.wire->close(1000, "");
    record.wire->abort();
    record.wire->detach();
  });
  server.on_shard([&] { CHECK(record.closes.size() == 1); });
}

TEST_CASE("websocket: an abort is reported from the loop, not from inside the call") {
  web_server server;
  auto client = open_socket(server);
  auto& record = server.newest();
  server.on_shard([&] {
    record.wire->abort();
    CHECK(record.closes.empty());
  });
  CHECK(server.eventually([&] { return record.closes.size() == 1; }));
  CHECK(client.at_end());
}

TEST_CASE("websocket: an owner that goes hears nothing more, and the socket goes with it") {
  web_server server;
  auto client = open_socket(server);
  auto& record = server.newest();
  server.on_shard([&] {
    record.wire->detach();
    record.wire.reset();
  });
  CHECK(client.at_end());
  server.on_shard([&] { CHECK(record.closes.empty()); });
}

TEST_CASE("websocket: an owner may go right after it said goodbye; the goodbye arrives") {
  web_server server;
  auto client = open_socket(server);
  auto& record = server.newest();
  server.on_shard([&] {
    record.wire->out().push_reply(text("last words"));
    record.wire->close(1000, "bye");
    record.wire->detach();
    record.wire.reset();
  });
  CHECK(ws::read_frame(client)->payload == "last words");
  CHECK(closed_with(client) == 1000);
}

TEST_CASE("websocket: an owner may let go when it hears that the socket broke, while nothing is read, too") {
  web_server server;
  auto client = open_socket(server);
  auto& record = server.newest();
  server.on_shard([&] {
    record.lets_go = true;
    record.echo = false;
    record.when_message = [&record](std::string_view) { record.wire->pause_reading(); };
  });
  client.send(ws::frame(ws::text, "one"));
  CHECK(server.eventually([&] { return record.texts.size() == 1; }));
  client.close_with_reset();
  CHECK(server.eventually([&] {
    if (record.wire) record.wire->out().push_reply(text("anybody?"));  // nobody reads: a write has to find out
    return record.closes.size() == 1;
  }));
  server.on_shard([&] { CHECK(record.closes.front().code == close_code::abnormal); });
}

TEST_CASE("websocket: an owner may close, abort or leave from within an event") {
  const auto what = GENERATE(0, 1, 2);
  web_server server;
  auto client = open_socket(server);
  auto& record = server.newest();
  server.on_shard([&] {
    record.echo = false;
    record.when_message = [&record, what](std::string_view) {
      if (what == 0) record.wire->close(1008, "flood");
      if (what == 1) record.wire->abort();
      if (what == 2) record.wire->detach(), record.wire.reset();
    };
  });
  client.send(ws::frame(ws::text, "one") + ws::frame(ws::text, "two"));
  if (what == 0) CHECK(closed_with(client) == 1008);
  client.finish();
  CHECK(client.at_end());
  server.on_shard([&] { CHECK(record.texts == std::vector<std::string>{"one"}); });
}

// --- pings ---

TEST_CASE("websocket: a peer that answers pings stays, and its owner hears what was answered") {
  web_server server{{}, {.ping_interval_ms = 20, .pong_timeout_ms = 2'000}};
  auto client = open_socket(server);
  auto& record = server.newest();
  for (int i = 1; i <= 5; ++i) {
    const auto ping = ws::read_frame(client);
    REQUIRE(ping);
    CHECK(ping->op == ws::ping);
    CHECK(ping->payload == std::to_string(i));
    client.send(ws::frame(ws::pong, ping->payload));
  }
  CHECK(server.eventually([&] { return record.pongs == std::vector<std::uint64_t>{1, 2, 3, 4, 5}; }));
  server.on_shard([&] { CHECK(record.closes.empty()); });
}

TEST_CASE("websocket: a silent peer is gone one interval and one time-out after it came, to the millisecond") {
  web_server server{{}, {.ping_interval_ms = 100, .pong_timeout_ms = 60}};
  auto client = open_socket(server);
  auto& record = server.newest();
  CHECK(server.eventually([&] { return record.closes.size() == 1; }));
  server.on_shard([&] {
    CHECK(record.closed_at - record.opened_at >= 160ms);
    CHECK(record.closed_at - record.opened_at < 215ms);
    CHECK(record.closes.front().code == close_code::abnormal);
    CHECK(record.closes.front().reason == "ping_timeout");
  });
}

TEST_CASE("websocket: a peer whose pong waits behind its own upload is not taken for gone") {
  web_server server{{}, {.ping_interval_ms = 30, .pong_timeout_ms = 150}};
  auto client = open_socket(server);
  auto& record = server.newest();
  const auto upload = ws::frame(ws::text, std::string(40, 'u'));
  for (const char c : upload) {
    client.send({&c, 1});
    client.read_for(8ms);
  }
  server.on_shard([&] {
    CHECK(record.closes.empty());
    CHECK(record.texts.size() == 1);
  });
}

TEST_CASE("websocket: pongs that answer nothing, or again, prove nothing") {
  web_server server{{}, {.ping_interval_ms = 0}};
  auto client = open_socket(server);
  auto& record = server.newest();
  CHECK(server.on_shard([&] { return record.wire->ping_in_order(); }) == 1);
  const auto ping = ws::read_frame(client);
  for (const auto* payload : {"2", "", "x", "1x", "-1", "18446744073709551616", "1", "1"})
    client.send(ws::frame(ws::pong, payload));
  client.send(ws::frame(ws::text, "done"));
  CHECK(ws::read_frame(client)->payload == "done");
  server.on_shard([&] { CHECK(record.pongs == std::vector<std::uint64_t>{1}); });
}

TEST_CASE("websocket: a flood of pings is answered within bounds") {
  web_server server;
  auto client = open_socket(server, 4'096);
  auto& record = server.newest();
  server.on_shard([&] {
    for (int i = 0; i != 300; ++i) record.wire->out().push_reply(text(std::string(10'000, 'x')));  // its socket is full
  });
  std::string flood;
  for (int i = 0; i != 5'000; ++i) flood += ws::frame(ws::ping, std::string(100, 'p'));
  client.send(flood + ws::frame(ws::text, "done"));
  CHECK(server.eventually([&] { return !record.texts.empty(); }));
  server.on_shard([&] { CHECK(record.wire->out().frames() <= 302); });
}

// --- flow ---

TEST_CASE("websocket: while reading is paused the peer's sends pile up on its side, and pings rest") {
  web_server server{{}, {.ping_interval_ms = 20, .pong_timeout_ms = 20}};
  auto client = open_socket(server);
  auto& record = server.newest();
  server.on_shard([&] {
    record.echo = false;
    record.wire->pause_reading();
  });
  std::size_t sent = 0;
  const auto message = ws::frame(ws::text, std::string(10'000, 'x'));
  for (; sent != 2'000; ++sent) {
    pollfd writable{client.native_handle(), POLLOUT, 0};
    if (::poll(&writable, 1, 50) != 1) break;
    client.send(message.substr(0, 1'000));
  }
  CHECK(client.read_for(100ms).empty());
  server.on_shard([&] {
    CHECK(record.texts.size() <= 1);
    CHECK(record.closes.empty());
    record.wire->resume_reading();
  });
  CHECK(server.eventually([&] { return !record.closes.empty() || record.texts.size() > 1; }));
}

TEST_CASE("websocket: an owner may pause, resume and abort from within an event") {
  web_server server;
  auto client = open_socket(server);
  auto& record = server.newest();
  server.on_shard([&] {
    record.when_message = [&record](std::string_view bytes) {
      record.wire->pause_reading();
      bytes.starts_with("stop") ? record.wire->abort() : record.wire->resume_reading();
    };
  });
  for (const auto size : std::initializer_list<std::size_t>{10, 500, 10, 500}) {
    client.send(ws::frame(ws::text, std::string(size, 'x')) + ws::frame(ws::text, std::string(size, 'y')));
    CHECK(ws::read_frame(client)->payload == std::string(size, 'x'));
    CHECK(ws::read_frame(client)->payload == std::string(size, 'y'));
  }
  client.send(ws::frame(ws::text, "stop"));
  CHECK(client.at_end());
  CHECK(server.eventually([&] { return record.closes.size() == 1; }));
}

TEST_CASE("websocket: replies beyond their bound close the connection as a slow consumer") {
  web_server server{{}, {.close_timeout_ms = 100, .outbox = {.bytes_max = 50'000, .reply_bytes_max = 100'000}}};
  auto client = open_socket(server, 4'096);
  auto& record = server.newest();
  server.on_shard([&] {
    while (record.wire->out().push_reply(text(std::string(10'000, 'x'))) != outbox::verdict::full) {
    }
  });
  CHECK(server.eventually([&] { return record.closes.size() == 1; }));
  server.on_shard([&] {
    CHECK(record.closes.front().code == close_code::try_later);
    CHECK(record.closes.front().reason == "slow_consumer");
  });
}

TEST_CASE("websocket: replies overflow also while the socket takes nothing") {
  web_server server{{}, {.close_timeout_ms = 100, .outbox = {.reply_bytes_max = 4'000'000}}};
  auto client = open_socket(server, 4'096);
  auto& record = server.newest();
  for (int i = 0; i != 100; ++i) {
    server.on_shard([&] {
      for (int k = 0; k != 10; ++k) record.wire->out().push_reply(text(std::string(10'000, 'x')));
    });
  }
  CHECK(server.eventually([&] { return record.closes.size() == 1; }));
}

TEST_CASE("websocket: a stopped reader costs bounded memory under the policy latest, and learns what it missed") {
  web_server server{{}, {.outbox = {.bytes_max = 100'000, .frames_max = 1'000}}};
  auto client = open_socket(server, 4'096);
  auto& record = server.newest();
  for (std::uint64_t seq = 1; seq <= 50'000; seq += 500) {
    server.on_shard([&] {
      for (auto i = seq; i != seq + 500; ++i) {
        record.wire->out().push_latest({text("m" + std::to_string(i) + std::string(200, '.')), 7, 1, i, i, 1});
      }
      CHECK(record.wire->out().bytes() <= 100'100);
    });
  }
  std::uint64_t next = 1;
  bool noticed = false;
  while (next <= 50'000) {
    const auto got = ws::read_frame(client);
    REQUIRE(got);
    if (got->payload.starts_with("dropped ")) {
      const auto dash = got->payload.find('-');
      CHECK(std::stoull(got->payload.substr(8, dash - 8)) == next);
      next = std::stoull(got->payload.substr(dash + 1)) + 1;
      noticed = true;
    } else {
      REQUIRE(std::stoull(got->payload.substr(1)) == next);
      ++next;
    }
  }
  CHECK(noticed);
  CHECK(server.eventually([&] { return record.drained > 0; }));
}

TEST_CASE("websocket: everything that one turn writes leaves in order, whoever wrote it") {
  web_server server;
  auto client = open_socket(server);
  auto& record = server.newest();
  server.on_shard([&] {
    record.wire->out().push_reply(text("a"));
    record.wire->ping_in_order();
    record.wire->out().push({text("b"), 1, 0, 1, 1, 1});
  });
  CHECK(ws::read_frame(client)->payload == "a");
  CHECK(ws::read_frame(client)->op == ws::ping);
  CHECK(ws::read_frame(client)->payload == "b");
}

TEST_CASE("websocket: writing at once makes space within the turn, and is heard of at its end") {
  web_server server{{}, {.outbox = {.bytes_max = 4'000}}};
  auto client = open_socket(server);
  auto& record = server.newest();
  server.on_shard([&] {
    auto& out = record.wire->out();
    for (std::uint64_t seq = 1; seq <= 100; ++seq) {
      if (out.push({text(std::string(996, 'x')), 1, 0, seq, seq, 1}) == outbox::verdict::queued) continue;
      record.wire->write_now();
      CHECK(out.empty());
      CHECK(out.push({text(std::string(996, 'x')), 1, 0, seq, seq, 1}) == outbox::verdict::queued);
    }
    CHECK(record.drained == 0);
  });
  for (int i = 0; i != 100; ++i) CHECK(ws::read_frame(client)->payload.size() == 996);
  CHECK(server.eventually([&] { return record.drained == 1; }));
}

// --- life and death ---

TEST_CASE("websocket: a shard that stops with a thousand open connections leaves nothing behind") {
  std::vector<raw_socket> clients;
  {
    web_server server;
    for (int i = 0; i != 1'000; ++i) clients.push_back(open_socket(server));
    for (int i = 0; i < 1'000; i += 3) clients[static_cast<std::size_t>(i)].send(ws::frame(ws::text, "half", false));
    CHECK(server.stats().websockets == 1'000);
    server.on_shard([&] {
      for (std::size_t i = 0; i < server.records.size(); i += 2) {  // half of them are closing
        server.records[i]->wire->out().push_reply(text("x"));
        server.records[i]->wire->close(1012, "restart");
      }
    });
  }
  for (auto& each : clients) each.read_to_end();
  CHECK(std::all_of(clients.begin(), clients.end(), [](auto& c) { return c.ended(); }));
}

TEST_CASE("websocket: an idle connection keeps at most 1.1 KiB of heap") {
  if (tests::sanitized) {
    WARN("left out: a sanitizer's heap is not the one that is measured");
    return;
  }
  constexpr int count = 1'000;
  web_server server;
  std::vector<raw_socket> clients;
  clients.reserve(count);
  clients.push_back(open_socket(server));
  const auto measure = [&] {
    return server.on_shard([] {
      ::malloc_trim(0);
      return ::mallinfo2().uordblks;
    });
  };
  const auto exercise = [&](raw_socket& client) {
    for (const auto size : std::initializer_list<std::size_t>{3'000, 4, 100}) {
      client.send(ws::frame(ws::text, std::string(size, 'm')));
      ws::read_frame(client);
    }
  };
  server.on_shard([&] {
    server.records.reserve(2 * count);
    server.access.reserve(2 * count);
    server.requests.reserve(2 * count);
  });
  const auto before = measure();
  for (int i = 0; i != count; ++i) exercise(clients.emplace_back(open_socket(server)));
  server.on_shard([&] {
    for (auto& each : server.records) {
      each->texts.clear(), each->texts.shrink_to_fit();
      each->kinds.clear(), each->kinds.shrink_to_fit();
    }
    server.access.clear();
  });
  const auto record_bytes = sizeof(socket_record) + 8;
  const auto each = (measure() - before) / count - record_bytes;
  WARN("heap of an idle WebSocket: " << each << " bytes");
  CHECK(each <= 1'126);  // 980 block by block (decision 0048); the rest is what malloc's caches of both threads keep
}

}  // namespace greenroom::runtime
