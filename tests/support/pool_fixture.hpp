/// POOL_FIXTURE is a node whose routers are notebooks: tests play the callers, and read what the pool of workers says of
/// each call.
#pragma once

#include <boost/json/parse.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/http_api.hpp"
#include "actors/worker_pool.hpp"
#include "codecs/fields.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {

/// What a router has heard of the pool.
struct notebook {
  strings story;                              ///< `7 answered "x"`, `7 answered -32008`, `7 lost`, `7 expects 2`
  std::map<std::string, bool> methods;        ///< that it knows; whether they are idempotent
  std::vector<std::string> taken;             ///< what services of the node answer
  std::map<std::uint64_t, int> ends;          ///< answers and losses of each call
  std::map<std::uint64_t, std::string> last;  ///< how it ended last
  std::string from;                           ///< of the last answer
};

struct fake_router_options {
  notebook& notes;
};

struct fake_router_state {
  static inline const char* name = "fake_router";
  fake_router_state(runtime::actor_base* s, const fake_router_options& o) : self{s}, notes{o.notes} {}
  caf::behavior start();

  runtime::actor_base* self;
  notebook& notes;
};

inline std::string text_of(const codecs::outcome& what) {
  if (const auto* why = std::get_if<codecs::error>(&what)) return std::to_string(static_cast<int>(why->code));
  const auto& done = std::get<codecs::results::document>(std::get<codecs::result>(what));
  return std::string{done.body->as(codecs::format::json)};
}

inline caf::behavior fake_router_state::start() {
  auto end = [this](std::uint64_t id, const std::string& how, const std::string& from) {
    notes.story.push_back(std::to_string(id) + ' ' + how);
    ++notes.ends[id];
    notes.last[id] = how;
    notes.from = from;
  };
  return {
      [this](const router::add_target& m) {
        router::add_target::reply told;
        for (const auto& each : m.methods) {
          if (std::ranges::count(notes.taken, each.about.name) != 0)
            told.taken.push_back(each.about.name);
          else
            notes.methods[each.about.name] = each.again == repeat::idempotent;
        }
        return told;
      },
      [this](const router::remove_target& m) {
        if (m.methods.empty()) notes.methods.clear();
        for (const auto& each : m.methods) notes.methods.erase(each);
      },
      [end](const router::answered& m) { end(m.id, "answered " + text_of(m.what), m.from); },
      [end](const router::lost& m) {
        CHECK(m.otherwise == codecs::error_code::timed_out);
        end(m.id, "lost", m.from);
      },
      [](const router::gone&) {},  // a connection has ended
      [this](const router::expected& m) {
        notes.story.push_back(std::to_string(m.id) + " expects " + std::to_string(m.answers));
      },
  };
}

class pool_fixture : public node_fixture {
 public:
  /// A client that has registered; its requests are answered by the test.
  client& worker(std::string_view name, std::string_view params, std::size_t shard = 0) {
    routers();
    auto& one = connect({.shard = shard});
    one.open(name);
    one.call("service.register", params);
    one.story();
    return one;
  }
  void routers() {
    if (!notes.empty()) return;
    notes.resize((ctx(), shards));
    for (std::size_t i = 0; i < shards; ++i)
      ctx().shards[i].router = keep(runtime::spawn<fake_router_state>(here(), fake_router_options{notes[i]}));
  }
  router::call_ptr call(std::uint64_t id, std::string_view method, std::chrono::milliseconds limit = 30s,
                        router::reach reach = router::reach::any) {
    routers();
    auto one = std::make_shared<router::call>();
    one->id = id;
    one->router = ctx().shards[0].router;
    one->from = {.user = user_id{"caller"}, .session = session_id{"S"}, .kind = identity::anonymous};
    one->method = method;
    one->params = codecs::json_document("{\"n\":" + std::to_string(id) + '}');
    one->due = jobs.clock().current_time + limit;
    tell(ctx().workers, router::handle{one, reach});
    return one;
  }
  strings take() { return std::exchange(notes[0].story, {}); }
  strings known(std::size_t shard = 0) {
    strings all;
    for (const auto& [method, idempotent] : notes[shard].methods) all.push_back(method + (idempotent ? "!" : ""));
    return all;
  }
  json status() { return boost::json::parse(status_json(ctx())); }

  std::vector<notebook> notes;  ///< of each shard's router
};

}  // namespace greenroom::tests
