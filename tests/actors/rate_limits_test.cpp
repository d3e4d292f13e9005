// The buckets that shards share: names, bounds, and what is forgotten.
#include "actors/rate_limits.hpp"

#include <catch2/catch.hpp>

#include "actors/client_limits.hpp"
#include "actors/credential.hpp"
#include "actors/limits.hpp"

namespace greenroom::tests {
namespace {

using namespace std::chrono_literals;

limit_rates rates_of(const rate_limits& all, limit_scope scope) { return all.rates(scope); }

runtime::limits_config with_all(runtime::limit_config each) {
  return {.connection = each, .session = each, .user = each, .address = each, .key = each};
}

}  // namespace

TEST_CASE("rate limits: a config without bounds has none, and a scope without bounds no entries", "[limits]") {
  CHECK(make_rate_limits({}) == nullptr);
  const auto some = make_rate_limits({.user = {.messages_per_second = 1}});
  REQUIRE(some);
  CHECK(some->of_user("ann"));
  CHECK_FALSE(some->of_address("192.0.2.7:1"));
  CHECK_FALSE(some->of_session("s"));
  CHECK_FALSE(some->of_key("k"));
  CHECK(rates_of(*some, limit_scope::user).of(limited::messages).bounded());
}

TEST_CASE("rate limits: an address is IPv4 or a network of IPv6, whatever its port", "[limits]") {
  const auto same = [](std::string_view a, std::string_view b) { return limited_address(a) == limited_address(b); };
  CHECK(same("192.0.2.7:50312", "192.0.2.7:1"));
  CHECK(same("192.0.2.7", "192.0.2.7:1"));
  CHECK(same("192.0.2.7:1", "[::ffff:192.0.2.7]:9"));
  CHECK_FALSE(same("192.0.2.7:1", "192.0.2.8:1"));
  CHECK(same("[2001:db8:1:2::1]:50312", "[2001:db8:1:2:ffff::9]:1"));
  CHECK(same("2001:db8:1:2::1", "[2001:db8:1:2::2]:1"));
  CHECK_FALSE(same("[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1"));
  CHECK(same("[fe80::1%eth0]:1", "[fe80::2]:2"));
  CHECK(limited_address("somewhere") == "somewhere");
  CHECK(limited_address("") == "");
}

TEST_CASE("rate limits: what is full and nobody holds is forgotten", "[limits]") {
  rate_limits all{{.user = {.messages_per_second = 1, .messages_burst = 5}}};
  const auto now = limit_now();
  auto ann = all.of_user("ann");
  CHECK(all.of_user("ann") == ann);
  const auto take = [&](limit_entry& of) {
    return all.take(std::array{rate_limits::holder{limit_scope::user, &of}}, limited::messages, now);
  };
  for (int i = 0; i != 5; ++i) CHECK_FALSE(take(*ann));
  CHECK(take(*ann));
  const auto sweep_all = [&all](limit_time at) {
    for (int i = 0; i != 64; ++i) all.sweep(at);
  };
  sweep_all(now + 10s);
  CHECK(all.entries(limit_scope::user) == 1);  // held
  ann.reset();
  sweep_all(now + 4s);
  CHECK(all.entries(limit_scope::user) == 1);  // one message is missing yet
  CHECK(take(*all.of_user("ann")));            // who comes back has not gained
  sweep_all(now + 5s);
  CHECK(all.entries(limit_scope::user) == 0);
}

TEST_CASE("rate limits: a crowd of names finds the table full, and shares", "[limits]") {
  rate_limits all{{.user = {.messages_per_second = 1}}};
  std::vector<limit_entry_ptr> held;
  for (std::size_t i = 0; i != limits::limit_entries_max * 11 / 10; ++i)
    held.push_back(all.of_user("user-" + std::to_string(i)));
  CHECK(all.entries(limit_scope::user) <= limits::limit_entries_max);
  CHECK(all.entries(limit_scope::user) >= limits::limit_entries_max * 9 / 10);
  CHECK(std::find(held.begin(), held.end(), nullptr) == held.end());
  std::sort(held.begin(), held.end());
  const auto distinct = std::unique(held.begin(), held.end()) - held.begin();
  CHECK(distinct <= static_cast<std::ptrdiff_t>(limits::limit_entries_max + limits::limit_entries_shared));
}

TEST_CASE("rate limits: a table makes room in passing", "[limits]") {
  rate_limits all{{.user = {.messages_per_second = 1}}};
  for (std::size_t i = 0; i != 3 * limits::limit_entries_max; ++i) all.of_user("user-" + std::to_string(i));
  CHECK(all.entries(limit_scope::user) < limits::limit_entries_max / 2);
}

TEST_CASE("rate limits: taken from all or from none, and the longest wait counts", "[limits]") {
  rate_limits all{{.user = {.messages_per_second = 10, .messages_burst = 3},
                   .address = {.messages_per_second = 1, .messages_burst = 2}}};
  const auto user = all.of_user("ann"), address = all.of_address("192.0.2.7:1");
  const auto now = limit_now();
  const std::array from{rate_limits::holder{limit_scope::user, user.get()},
                        rate_limits::holder{limit_scope::address, address.get()},
                        rate_limits::holder{limit_scope::session, nullptr}};
  CHECK_FALSE(all.take(from, limited::messages, now));
  CHECK_FALSE(all.take(from, limited::messages, now));
  const auto why = all.take(from, limited::messages, now);
  REQUIRE(why);
  CHECK(why->scope == limit_scope::address);
  CHECK(why->retry_after == 1s);
  CHECK(why->error().retry_after_ms == 1'000u);
  CHECK(why->error().message == "too many messages of this address");
  const std::array user_alone{from[0]};
  CHECK_FALSE(all.take(user_alone, limited::messages, now));  // the user's third was given back
  const auto both = all.take(from, limited::messages, now);
  REQUIRE(both);
  CHECK(both->scope == limit_scope::user);
  CHECK(both->retry_after == 1s);  // the address' wait is the longer one
  CHECK(all.refusals(limit_scope::address, limited::messages) == 1);
  CHECK(all.refusals(limit_scope::user, limited::messages) == 1);
}

TEST_CASE("rate limits: open connections are counted until they close", "[limits]") {
  rate_limits all{{.address = {.connections_per_second = 1, .connections_burst = 3, .connections_max = 2}}};
  const auto of = all.of_address("192.0.2.7:1");
  const auto now = limit_now();
  CHECK_FALSE(all.open(limit_scope::address, *of, now));
  CHECK_FALSE(all.open(limit_scope::address, *of, now));
  CHECK(all.open(limit_scope::address, *of, now)->retry_after == 5s);
  rate_limits::closed(*of);
  CHECK_FALSE(all.open(limit_scope::address, *of, now));
  rate_limits::closed(*of);
  CHECK(all.open(limit_scope::address, *of, now)->retry_after == 1s);  // the third in this moment
  CHECK(of->connections == 1);
}

TEST_CASE("client limits: an API key stands in place of user and address", "[limits]") {
  auto config = with_all({.messages_per_second = 1, .messages_burst = 2});
  config.connection = {};
  config.key = {.messages_per_second = 1, .messages_burst = 5};
  rate_limits all{config};
  client_limits mine{all, "192.0.2.7:1"};
  auto shown = std::make_shared<credential>();
  shown->key_id = "k1";
  const auto now = limit_now();
  REQUIRE_FALSE(mine.open({.user = user_id{"robot"}, .kind = identity::authenticated, .shown = shown}, now));
  for (int i = 0; i != 5; ++i) CHECK_FALSE(mine.take(limited::messages, now));
  CHECK(mine.take(limited::messages, now)->scope == limit_scope::key);
  CHECK(all.refusals(limit_scope::address, limited::messages) == 0);
  client_limits other{all, "198.51.100.1:1"};
  REQUIRE_FALSE(other.open({.user = user_id{"robot"}, .kind = identity::authenticated, .shown = shown}, now));
  CHECK(other.take(limited::messages, now)->scope == limit_scope::key);  // from wherever
}

TEST_CASE("client limits: a join that is refused has cost no message", "[limits]") {
  rate_limits all{
      {.connection = {.messages_per_second = 1, .messages_burst = 3, .joins_per_second = 1, .joins_burst = 1},
       .user = {.joins_per_second = 1, .joins_burst = 10}}};
  client_limits mine{all, "192.0.2.7:1"};
  const auto now = limit_now();
  REQUIRE_FALSE(mine.open({.user = user_id{"ann"}}, now));
  CHECK_FALSE(mine.take(limited::joins, now));
  for (int i = 0; i != 9; ++i) CHECK(mine.take(limited::joins, now)->what == limited::joins);
  CHECK_FALSE(mine.take(limited::messages, now));
  CHECK_FALSE(mine.take(limited::messages, now));
  CHECK(mine.take(limited::messages, now)->what == limited::messages);
}

TEST_CASE("client limits: bytes are owed, and the longest debt is waited for", "[limits]") {
  rate_limits all{{.connection = {.bytes_per_second = 1'000, .bytes_burst = 1'000},
                   .user = {.bytes_per_second = 100, .bytes_burst = 10'000}}};
  client_limits mine{all, "192.0.2.7:1"};
  const auto now = limit_now();
  REQUIRE_FALSE(mine.open({.user = user_id{"ann"}}, now));
  CHECK(mine.on_bytes(1'000, now) <= now);
  CHECK(mine.on_bytes(500, now) == now + 500ms);
  CHECK(mine.on_bytes(8'500, now + 500ms) == now + 9s);
  CHECK(mine.on_bytes(100, now + 9s) <= now + 10s);
  CHECK(all.refusals(limit_scope::connection, limited::bytes) == 3);
}

TEST_CASE("client limits: pings and fragments take messages, and are owed", "[limits]") {
  rate_limits all{{.connection = {.messages_per_second = 10, .messages_burst = 20}}};
  client_limits mine{all, "192.0.2.7:1"};
  const auto now = limit_now();
  CHECK(mine.on_frames(20, now) <= now);
  CHECK(mine.on_frames(5, now) == now + 500ms);
  CHECK(mine.take(limited::messages, now)->retry_after == 600ms);
  CHECK_FALSE(mine.take(limited::messages, now + 600ms));
}

TEST_CASE("client limits: who has been refused ten bursts is flooding, and patience comes back", "[limits]") {
  rate_limits all{{.connection = {.messages_per_second = 10, .messages_burst = 20}}};
  client_limits mine{all, "192.0.2.7:1"};
  const auto now = limit_now();
  for (int i = 0; i != 200; ++i) REQUIRE_FALSE(mine.flooded(now));
  CHECK(mine.flooded(now));
  CHECK_FALSE(mine.flooded(now + 100ms));
  CHECK(mine.flooded(now + 100ms));
}

TEST_CASE("client limits: who is a turn's messages ahead of its rate floods", "[limits]") {
  rate_limits all{{.connection = {.messages_per_second = 100, .messages_burst = 200}}};
  rate_limits unbounded{{.address = {.messages_per_second = 1'000}}};
  client_limits mine{all, "192.0.2.7:1"}, free{unbounded, "192.0.2.7:1"};
  const auto now = limit_now();
  for (std::size_t i = 0; i != limits::share_of_turn; ++i) {
    CHECK_FALSE(mine.floods(now));
    REQUIRE_FALSE(mine.take(limited::messages, now));
    REQUIRE_FALSE(free.take(limited::messages, now));
  }
  CHECK_FALSE(mine.floods(now));
  REQUIRE_FALSE(mine.take(limited::messages, now));
  REQUIRE_FALSE(free.take(limited::messages, now));
  CHECK(mine.floods(now));
  CHECK_FALSE(mine.floods(now + 10ms));  // one has come back
  CHECK_FALSE(free.floods(now));         // its connection has no rate
}

TEST_CASE("client limits: who was refused floods until a second after it had to rest", "[limits]") {
  rate_limits all{{.connection = {.messages_per_second = 100, .messages_burst = 4}}};
  client_limits refused{all, "192.0.2.7:1"}, pinging{all, "192.0.2.7:2"};
  const auto now = limit_now();
  for (int i = 0; i != 4; ++i) REQUIRE_FALSE(refused.take(limited::messages, now));
  CHECK_FALSE(refused.floods(now));
  for (int i = 0; i != 3; ++i) REQUIRE(refused.take(limited::messages, now));
  CHECK(refused.floods(now));
  const auto rested = now + 50ms;  // of the last, 10 ms; of each before it, its retry_after
  CHECK(refused.floods(rested));
  CHECK_FALSE(refused.floods(now + 5s + limits::refusal_memory));
  CHECK(pinging.on_frames(14, now) == now + 100ms);
  CHECK(pinging.floods(now + 100ms + limits::refusal_memory - 1ms));
  CHECK_FALSE(pinging.floods(now + 100ms + limits::refusal_memory));
}

}  // namespace greenroom::tests
