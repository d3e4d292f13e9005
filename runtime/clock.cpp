#include "runtime/clock.hpp"

#include <caf/abstract_actor.hpp>
#include <caf/actor_control_block.hpp>

#include <utility>

#include "runtime/shard.hpp"

namespace greenroom::runtime {

namespace {

caf::strong_actor_ptr hold(caf::abstract_actor* actor) { return caf::strong_actor_ptr{actor->ctrl()}; }

}  // namespace

shard_clock::time_point shard_clock::now() const noexcept { return home_.now(); }

void remote_clock::set_ordinary_timeout(time_point at, caf::abstract_actor* who, caf::atom_value type,
                                        std::uint64_t id) {
  to_.post([&to = to_, at, who = hold(who), type, id] { to.clock().set_ordinary_timeout(at, who->get(), type, id); });
}

void remote_clock::set_multi_timeout(time_point at, caf::abstract_actor* who, caf::atom_value type, std::uint64_t id) {
  to_.post([&to = to_, at, who = hold(who), type, id] { to.clock().set_multi_timeout(at, who->get(), type, id); });
}

void remote_clock::set_request_timeout(time_point at, caf::abstract_actor* who, caf::message_id id) {
  to_.post([&to = to_, at, who = hold(who), id] { to.clock().set_request_timeout(at, who->get(), id); });
}

void remote_clock::cancel_ordinary_timeout(caf::abstract_actor* who, caf::atom_value type) {
  to_.post([&to = to_, who = hold(who), type] { to.clock().cancel_ordinary_timeout(who->get(), type); });
}

void remote_clock::cancel_request_timeout(caf::abstract_actor* who, caf::message_id id) {
  to_.post([&to = to_, who = hold(who), id] { to.clock().cancel_request_timeout(who->get(), id); });
}

void remote_clock::schedule_message(time_point at, caf::strong_actor_ptr to, caf::mailbox_element_ptr what) {
  to_.post([&home = to_, at, to = std::move(to), what = std::move(what)]() mutable {
    home.clock().schedule_message(at, std::move(to), std::move(what));
  });
}

void remote_clock::schedule_message(time_point at, caf::group to, caf::strong_actor_ptr from, caf::message what) {
  to_.post([&home = to_, at, to = std::move(to), from = std::move(from), what = std::move(what)]() mutable {
    home.clock().schedule_message(at, std::move(to), std::move(from), std::move(what));
  });
}

}  // namespace greenroom::runtime
