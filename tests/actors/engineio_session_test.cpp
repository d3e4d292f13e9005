#include "actors/engineio_session.hpp"

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "codecs/engineio.hpp"
#include "tests/support/fake_transport.hpp"
#include "tests/support/shard_loop.hpp"

using namespace greenroom;
using namespace greenroom::tests;

namespace {

using strings = std::vector<std::string>;

class fake_exchange final : public runtime::http_exchange {
 public:
  explicit fake_exchange(std::string method, std::string body = {}) {
    request_.method = std::move(method);
    request_.body = std::move(body);
  }
  const runtime::http_request& request() const noexcept override { return request_; }
  const std::string& trace() const noexcept override { return trace_; }
  void respond(runtime::http_response answer) override {
    if (!answer_) answer_ = std::move(answer);
  }
  std::string said() const {
    return answer_ ? std::to_string(answer_->status) + ' ' + answer_->body : std::string{"nothing"};
  }

 private:
  runtime::http_request request_;
  std::string trace_ = "t";
  std::optional<runtime::http_response> answer_;
};

/// What the user of a session has heard; it goes on when the user is gone.
struct diary {
  strings heard;
  std::optional<runtime::close_info> closed;
};
class recording_user final : public engineio_user {
 public:
  explicit recording_user(std::shared_ptr<diary> into) : into_{std::move(into)} {}

 private:
  void on_message(runtime::frame_kind kind, std::string_view bytes) override {
    into_->heard.push_back((kind == runtime::frame_kind::text ? "text " : "bytes ") + std::string{bytes});
  }
  void on_ping(std::uint64_t ping) override { into_->heard.push_back("ping " + std::to_string(ping)); }
  void on_pong(std::uint64_t ping) override { into_->heard.push_back("pong " + std::to_string(ping)); }
  void on_drained() override { into_->heard.push_back("drained"); }
  runtime::frame on_gap(const runtime::gap& lost) override {
    return frame("gap " + std::to_string(lost.from) + '-' + std::to_string(lost.to));
  }
  void on_closed(const runtime::close_info& how) override { into_->closed = how; }

 public:
  static runtime::frame frame(const std::string& text) {
    return std::make_shared<const std::string>(codecs::engineio_message(codecs::frame_kind::text, text));
  }

 private:
  std::shared_ptr<diary> into_;
};

/// A session on a shard of its own. Everything that touches it runs there.
class stage : private engineio_keeper {
 public:
  explicit stage(runtime::outbox_bounds bounds = {}, std::uint32_t payload_bytes_max = 64) {
    loop_.run([&] {
      session_ = std::make_shared<engineio_session>(loop_.at(), static_cast<engineio_keeper&>(*this), stats_,
                                                    engineio_options{.sid = "0.s",
                                                                     .peer = "client",
                                                                     .ping_interval_ms = 3'600'000,
                                                                     .ping_timeout_ms = 3'600'000,
                                                                     .close_timeout_ms = 3'600'000,
                                                                     .payload_bytes_max = payload_bytes_max,
                                                                     .outbox = bounds});
      session_->start(std::make_unique<recording_user>(diary_));
    });
  }
  ~stage() {
    loop_.run([this] { session_.reset(); });
  }

  /// Runs it on the shard, and what that turn had to do.
  void on_shard(auto what) {
    loop_.run(std::move(what));
    loop_.run([] {});
  }
  std::shared_ptr<fake_exchange> get() {
    auto one = std::make_shared<fake_exchange>("GET");
    on_shard([&] { session_->on_get(one); });
    return one;
  }
  std::shared_ptr<fake_exchange> post(std::string body) {
    auto one = std::make_shared<fake_exchange>("POST", std::move(body));
    on_shard([&] { session_->on_post(one); });
    return one;
  }
  void say(const std::string& text) {
    on_shard([&] { session_->out().push_reply(recording_user::frame(text)); });
  }
  engineio_session& session() { return *session_; }
  const diary& book() {
    return loop_.run([] {}), *diary_;
  }
  bool kept() const { return kept_; }
  bool ended() {
    return loop_.eventually([this] { return diary_->closed.has_value(); });
  }

 private:
  void on_event(engineio_session&, event what) override {
    if (what == event::closed) kept_ = false;
  }

  shard_loop loop_;
  runtime::outbox_stats stats_;
  std::shared_ptr<diary> diary_ = std::make_shared<diary>();
  std::shared_ptr<engineio_session> session_;
  bool kept_ = true;
};

}  // namespace

TEST_CASE("engine.io session: a GET takes what waits, in order, up to maxPayload; a waiting one takes what comes",
          "[actors][engineio]") {
  stage at;
  at.say("one");
  at.say(std::string(40, 'x'));
  at.say(std::string(40, 'y'));
  CHECK(at.get()->said() ==
        "200 4one\x1e"
        "4" +
            std::string(40, 'x'));
  CHECK(at.get()->said() == "200 4" + std::string(40, 'y'));
  const auto waits = at.get();
  CHECK(waits->said() == "nothing");
  at.say("two");
  CHECK(waits->said() == "200 4two");
}

TEST_CASE("engine.io session: a GET is answered at the end of its turn, with what that has brought",
          "[actors][engineio]") {
  stage at;
  at.say("before");
  const auto one = std::make_shared<fake_exchange>("GET");
  at.on_shard([&] {
    at.session().on_get(one);
    at.session().out().push_reply(recording_user::frame("after"));
  });
  CHECK(one->said() ==
        "200 4before\x1e"
        "4after");
}

TEST_CASE("engine.io session: while the user has enough to do, a POST waits for its answer", "[actors][engineio]") {
  stage at;
  at.on_shard([&] { at.session().pause_reading(); });
  const auto first = at.post(
      "4a\x1e"
      "bAQ==");
  CHECK(at.book().heard == strings{"text a", "bytes \x01"});
  CHECK(first->said() == "nothing");
  at.on_shard([&] { at.session().resume_reading(); });
  CHECK(first->said() == "200 ok");
}

TEST_CASE("engine.io session: two POSTs or two GETs at a time end it", "[actors][engineio]") {
  stage at;
  const bool posts = GENERATE(true, false);
  std::shared_ptr<fake_exchange> first, second;
  if (posts) {
    at.on_shard([&] { at.session().pause_reading(); });
    first = at.post("4a");
    second = at.post("4b");
    CHECK(first->said() == "200 ok");
  } else {
    first = at.get();
    second = at.get();
    CHECK(first->said() == "200 1");
  }
  CHECK(second->said() == R"(400 {"code":3,"message":"Bad request"})");
  CHECK(at.ended());
  CHECK_FALSE(at.kept());
}

TEST_CASE("engine.io session: closing, what waits leaves first, then the close packet by itself",
          "[actors][engineio]") {
  stage at;
  at.say("last words");
  at.on_shard([&] { at.session().close(1000, "closed", runtime::unsent::flush); });
  at.say("too late");
  CHECK_FALSE(at.book().closed.has_value());
  CHECK(at.get()->said() == "200 4last words");
  CHECK_FALSE(at.book().closed.has_value());
  CHECK(at.get()->said() == "200 1");
  CHECK(at.ended());
  CHECK(at.book().closed->clean);
}

TEST_CASE("engine.io session: where the node stops, what waits and the close leave with the GET that is there",
          "[actors][engineio]") {
  stage at;
  const auto waits = at.get();
  at.on_shard([&] {
    at.session().out().push_reply(recording_user::frame("last words"));
    at.session().close(1012, "restart", runtime::unsent::flush);
  });
  CHECK(waits->said() ==
        "200 4last words\x1e"
        "1");
  CHECK(at.ended());
  stage other;
  other.on_shard([&] { other.session().close(1012, "restart", runtime::unsent::flush); });
  CHECK(other.ended());
}

TEST_CASE("engine.io session: closing for a client that is too slow, nothing leaves but the close packet",
          "[actors][engineio]") {
  stage at{{.bytes_max = 64, .frames_max = 4, .reply_bytes_max = 64, .reply_frames_max = 4}};
  for (int i = 0; i != 5; ++i) at.say("more than it takes");
  CHECK(at.get()->said() == "200 1");
  CHECK(at.ended());
}

TEST_CASE("engine.io session: a room's messages that gave way are told of where they stood", "[actors][engineio]") {
  stage at{{.bytes_max = 1'000, .frames_max = 2}, 1'000};
  at.on_shard([&] {
    for (std::uint64_t n = 1; n <= 4; ++n)
      at.session().out().push_latest(
          {.bytes = recording_user::frame(std::to_string(n)), .room = 7, .event = 1, .first = n, .last = n});
  });
  CHECK(at.get()->said() ==
        "200 4gap 1-2\x1e"
        "43\x1e"
        "44");
}

TEST_CASE("engine.io session: a pong answers the ping in order, and no other", "[actors][engineio]") {
  stage at;
  at.post("3");
  std::uint64_t ping = 0;
  at.on_shard([&] { ping = at.session().ping_in_order(); });
  CHECK(at.get()->said() == "200 2");
  at.post("3");
  at.post("3");
  CHECK(at.book().heard == strings{"pong " + std::to_string(ping)});
}

TEST_CASE("engine.io session: a client that closes by POST releases its GET", "[actors][engineio]") {
  stage at;
  const auto waits = at.get();
  CHECK(at.post("1")->said() == "200 ok");
  CHECK(waits->said() == "200 6");
  CHECK(at.ended());
}

TEST_CASE("engine.io session: an upgrade moves what is unsent, before anything newer", "[actors][engineio]") {
  stage at;
  std::shared_ptr<fake_transport> socket;
  runtime::transport_events* events = nullptr;
  struct relay final : runtime::transport_events {
    runtime::transport_events*& to;
    explicit relay(runtime::transport_events*& t) : to{t} {}
    void on_message(runtime::frame_kind kind, std::string_view bytes) override { to->on_message(kind, bytes); }
    void on_pong(std::uint64_t ping) override { to->on_pong(ping); }
    void on_drained() override { to->on_drained(); }
    runtime::frame on_gap(const runtime::gap& lost) override { return to->on_gap(lost); }
    void on_closed(const runtime::close_info& how) override { to->on_closed(how); }
  } between{events};
  const auto heard = [&] {
    strings all;
    at.on_shard([&] {
      socket->flush();
      for (auto& each : socket->take_frames()) all.push_back(std::move(each.body));
    });
    return all;
  };
  at.on_shard([&] {
    socket = std::make_shared<fake_transport>(between);
    events = at.session().begin_probe(socket);
  });
  REQUIRE(events != nullptr);
  const auto waits = at.get();
  CHECK(waits->said() == "nothing");
  at.on_shard([&] { socket->say(runtime::frame_kind::text, "2probe"); });
  CHECK(heard() == strings{"3probe"});
  CHECK(waits->said() == "200 6");
  at.say("before");
  CHECK(heard().empty());
  at.on_shard([&] { socket->say(runtime::frame_kind::text, "5"); });
  at.say("after");
  CHECK(heard() == strings{"4before", "4after"});
  CHECK_FALSE(at.session().polls());
  at.on_shard([&] { socket->hang_up(); });
  CHECK(at.ended());
}

TEST_CASE("engine.io session: a probe that goes leaves it polling", "[actors][engineio]") {
  stage at;
  at.on_shard([&] {
    struct silent final : runtime::transport_events {
      void on_message(runtime::frame_kind, std::string_view) override {}
      void on_pong(std::uint64_t) override {}
      void on_drained() override {}
      runtime::frame on_gap(const runtime::gap&) override { return nullptr; }
      void on_closed(const runtime::close_info&) override {}
    } nobody;
    const auto socket = std::make_shared<fake_transport>(nobody);
    auto* events = at.session().begin_probe(socket);
    REQUIRE(events != nullptr);
    CHECK_FALSE(at.session().may_upgrade());
    events->on_closed({});
    CHECK(at.session().may_upgrade());
  });
  at.say("still here");
  CHECK(at.get()->said() == "200 4still here");
}
