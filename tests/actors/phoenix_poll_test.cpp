// A client of Phoenix by long polling: what its outbox holds comes as answers of polls, what it posts as messages.
#include "actors/phoenix_poll.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "codecs/base64.hpp"
#include "codecs/phoenix_frames.hpp"
#include "tests/support/shard_loop.hpp"

namespace greenroom::tests {
namespace {

using strings = std::vector<std::string>;

class exchange final : public runtime::http_exchange {
 public:
  exchange(std::string method, std::string body, std::string type) {
    request_.method = std::move(method);
    request_.body = std::move(body);
    if (!type.empty()) request_.fields.push_back({"Content-Type", std::move(type)});
  }
  const runtime::http_request& request() const noexcept override { return request_; }
  const std::string& trace() const noexcept override { return trace_; }
  void respond(runtime::http_response answer) override { said += answer.body; }

  std::string said;

 private:
  runtime::http_request request_;
  std::string trace_ = "t";
};
using exchange_ptr = std::shared_ptr<exchange>;

struct listener final : runtime::transport_events {
  void on_message(runtime::frame_kind kind, std::string_view bytes) override {
    heard.push_back((kind == runtime::frame_kind::text ? "text " : "bytes ") + std::string{bytes});
    if (full) poll->pause_reading();
  }
  void on_pong(std::uint64_t ping) override { heard.push_back("pong " + std::to_string(ping)); }
  void on_drained() override { heard.push_back("drained"); }
  runtime::frame on_gap(const runtime::gap&) override { return nullptr; }
  void on_closed(const runtime::close_info& how) override {
    heard.push_back("closed " + std::to_string(how.code) + ' ' + how.reason);
  }
  strings heard;
  bool full = false;
  runtime::transport* poll = nullptr;
};

/// One session on a shard of its own. Everything that touches it runs there.
class stage {
 public:
  explicit stage(std::chrono::milliseconds wait = std::chrono::hours{1}, runtime::outbox_bounds bounds = {}) {
    loop_.run([&] {
      poll_ = std::make_shared<phoenix_poll>(loop_.at(), "client",
                                             phoenix_poll::settings{.token = "T",
                                                                    .wait = wait,
                                                                    .message_bytes_max = 100,
                                                                    .outbox = bounds,
                                                                    .answer = [](auto& to, auto json) {
                                                                      runtime::http_response answer;
                                                                      answer.body = std::move(json);
                                                                      to->respond(std::move(answer));
                                                                    }});
      listener_.poll = poll_.get();
      poll_->heard_by(&listener_);
      poll_->when_over([this] { ++overs; });
      poll_->begin();
    });
  }
  ~stage() {
    loop_.run([&] { poll_.reset(); });
  }

  exchange_ptr get() {
    auto one = std::make_shared<exchange>("GET", "", "");
    run([&] { poll_->poll(one); });
    return one;
  }
  exchange_ptr post(std::string body, std::string type = "application/x-ndjson") {
    auto one = std::make_shared<exchange>("POST", std::move(body), std::move(type));
    run([&] { poll_->take(one); });
    return one;
  }
  void say(const std::string& event, codecs::payload_ptr what = nullptr) {
    run([&] {
      std::string frame;
      codecs::phoenix::append_push(frame, {}, "a", event, what);
      poll_->out().push_reply(std::make_shared<const std::string>(std::move(frame)));
    });
  }
  /// On the shard; what its turn brings about has happened when it returns.
  void run(std::function<void()> what) {
    loop_.run(std::move(what));
    loop_.run([] {});
  }
  strings heard() {
    strings all;
    run([&] { all = std::exchange(listener_.heard, {}); });
    return all;
  }
  bool eventually(std::function<bool()> holds) { return loop_.eventually(std::move(holds)); }
  phoenix_poll& poll() { return *poll_; }
  listener& owner() { return listener_; }

  int overs = 0;

 private:
  shard_loop loop_;
  listener listener_;
  std::shared_ptr<phoenix_poll> poll_;
};

std::string answered(const std::string& status, const std::string& messages) {
  return R"({"status":)" + status + R"(,"token":"T","messages":[)" + messages + "]}";
}
std::string said(const std::string& event) { return R"("[null,null,\"a\",\")" + event + R"(\",{}]")"; }

}  // namespace

TEST_CASE("phoenix poll: what there is to say ends a poll, and what comes without one waits for it",
          "[actors][phoenix]") {
  stage s;
  const auto first = s.get();
  CHECK(first->said.empty());
  s.say("one");
  CHECK(first->said == answered("200", said("one")));
  s.say("two");
  s.say("three");
  CHECK(s.get()->said == answered("200", said("two") + ',' + said("three")));
}

TEST_CASE("phoenix poll: bytes are text where phoenix.js reads nothing else", "[actors][phoenix]") {
  stage s;
  s.say("blob", std::make_shared<const codecs::payload>(codecs::format::msgpack, std::string{"\xc4\x02\x00\xff", 4}));
  CHECK(s.get()->said == answered("200", R"("[null,null,\"a\",\"blob\",{\"$bytes\":\"AP8=\"}]")"));
}

TEST_CASE("phoenix poll: an older poll gives way to a newer one, and one without news to its time",
          "[actors][phoenix]") {
  stage s{std::chrono::milliseconds{20}};
  const auto older = s.get(), newer = s.get();
  CHECK(older->said == answered("204", ""));
  CHECK(s.eventually([&] { return newer->said == answered("204", ""); }));
  CHECK(s.eventually([&] { return s.poll().over(); }));  // nobody polled after it
  CHECK(s.overs == 1);
  CHECK(s.heard() == strings{"closed 1006 "});
  CHECK(s.get()->said == answered("410", ""));
  CHECK(s.post("[]")->said == R"({"status":410})");
}

TEST_CASE("phoenix poll: a batch is a message a line, text or base64; another body is one message",
          "[actors][phoenix]") {
  stage s;
  CHECK(s.post("[1]\r\nAP8=\n\n[2]")->said == R"({"status":200})");
  CHECK(s.heard() == strings{"text [1]", "bytes " + std::string{"\x00\xff", 2}, "text [2]"});
  CHECK(s.post("[1]\n", "application/json")->said == R"({"status":200})");
  CHECK(s.heard() == strings{"text [1]\n"});
  CHECK(s.post("")->said == R"({"status":200})");
  CHECK(s.heard().empty());
}

TEST_CASE("phoenix poll: a body that is no message ends the session", "[actors][phoenix]") {
  const auto [body, end] =
      GENERATE(table<std::string, std::string>({{"no base64", "closed 1003 wrong_data"},
                                                {"[" + std::string(100, ' '), "closed 1009 too_big"},
                                                {"[\xff]", "closed 1007 bad_utf8"}}));
  stage s;
  const auto waiting = s.get();
  CHECK(s.post(body + "\n[1]")->said == R"({"status":400})");
  CHECK(waiting->said == answered("410", ""));
  CHECK(s.heard() == strings{end});
  CHECK(s.poll().over());
}

TEST_CASE("phoenix poll: a POST is answered when its reader takes more, another one meanwhile is told so",
          "[actors][phoenix]") {
  stage s;
  s.run([&] { s.owner().full = true; });
  const auto held = s.post("[1]\n[2]");
  CHECK(held->said.empty());
  CHECK(s.post("[3]")->said == R"({"status":429})");
  s.run([&] { s.poll().resume_reading(); });
  CHECK(held->said == R"({"status":200})");
  CHECK(s.heard() == strings{"text [1]", "text [2]"});
}

TEST_CASE("phoenix poll: the next poll proves that the answer before it has arrived", "[actors][phoenix]") {
  stage s;
  s.say("one");
  s.run([&] { CHECK(s.poll().ping_in_order() == 1); });
  CHECK(s.get()->said == answered("200", said("one")));
  CHECK(s.heard().empty());
  const auto next = s.get();
  CHECK(s.heard() == strings{"pong 1"});
  s.run([&] { s.poll().ping_in_order(); });  // nothing to say: the poll goes on waiting
  CHECK(next->said.empty());
}

TEST_CASE("phoenix poll: who is sent away gets what was said before, then 410", "[actors][phoenix]") {
  stage s;
  s.say("farewell");
  s.run([&] { s.poll().close(1012, "restart", runtime::unsent::flush); });
  CHECK_FALSE(s.poll().over());
  CHECK(s.get()->said == answered("200", said("farewell")));
  CHECK(s.heard() == strings{"closed 1012 restart"});
  CHECK(s.get()->said == answered("410", ""));
  CHECK(s.overs == 1);
}

TEST_CASE("phoenix poll: a client that does not poll while much is said is a slow consumer", "[actors][phoenix]") {
  stage s{std::chrono::hours{1}, {.reply_frames_max = 3}};
  for (int i = 0; i < 5; ++i) s.say("news");
  CHECK(s.get()->said == answered("410", ""));  // what was unsent is dropped
  CHECK(s.heard() == strings{"closed 1013 slow_consumer"});
}

TEST_CASE("phoenix poll: a frame that is larger than an answer comes alone, what follows in the next one",
          "[actors][phoenix]") {
  stage s;
  s.say(std::string(phoenix_poll::answer_bytes_max, 'x'));
  s.say("after");
  CHECK(s.get()->said.size() > phoenix_poll::answer_bytes_max);
  CHECK(s.get()->said == answered("200", said("after")));
}

TEST_CASE("phoenix poll: an owner that goes ends the session, and hears nothing more", "[actors][phoenix]") {
  stage s;
  const auto waiting = s.get();
  s.run([&] { s.poll().detach(); });
  CHECK(waiting->said == answered("410", ""));
  CHECK(s.heard().empty());
  CHECK(s.overs == 1);
}

}  // namespace greenroom::tests
