#include "actors/extensions.hpp"

#include <catch2/catch.hpp>

using namespace greenroom;

namespace {

struct say {
  std::string text;
  static constexpr auto fields() { return std::tuple{codecs::field_of("text", &say::text, 100)}; }
};

class echo final : public service_behaviour {
 public:
  using service_behaviour::service_behaviour;
  void answer(const say& what, service_request request) { request.reply(what); }
  void any(const codecs::payload_ptr& what, service_request request) { request.reply(what); }
};

class quiet final : public room_behaviour {
 public:
  using room_behaviour::room_behaviour;
};

service_spec echo_spec() {
  return service<echo>("echo")
      .answers("echo.say", "Answers what it was given.", &echo::answer, repeat::idempotent)
      .returns<say>()
      .answers("echo.any", "Answers anything.", &echo::any)
      .concurrency(2, 3);
}

}  // namespace

TEST_CASE("extensions: a class and its member functions become a spec", "[actors]") {
  extensions mine;
  mine.add(echo_spec());
  REQUIRE(mine.services().size() == 1);
  const auto& spec = mine.services().front();
  REQUIRE(spec.methods.size() == 2);
  REQUIRE(spec.methods[0].about.params->size() == 1);
  CHECK(spec.methods[0].about.params->front().name == "text");
  CHECK(spec.methods[0].about.result_schema == codecs::schema_of<say>());
  CHECK(spec.methods[0].again == repeat::idempotent);
  CHECK_FALSE(spec.methods[1].about.params);
  CHECK(spec.concurrency_max == 2);
  CHECK(spec.queue_max == 3);
}

TEST_CASE("extensions: names that stand twice or are the protocol's own are refused", "[actors]") {
  extensions mine;
  mine.add_room<quiet>("quiet");
  CHECK_THROWS_WITH(mine.add_room<quiet>("quiet"), "there are two room behaviours named quiet");
  mine.add(echo_spec());
  CHECK_THROWS_WITH(mine.add(echo_spec()), "there are two services named echo");
  auto other = echo_spec();
  other.name = "other";
  CHECK_THROWS_WITH(mine.add(other), "there are two methods named echo.say");
  other.methods = {echo_spec().methods[0]};
  other.methods[0].about.name = "room.join";
  CHECK_THROWS_WITH(mine.add(other), "the method room.join is the protocol's own");
  other.methods.clear();
  CHECK_THROWS(mine.add(other));
}
