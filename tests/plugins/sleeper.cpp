// A service on a thread of its own that blocks it: `sleeper.block` for so long, or until nobody waits any more.
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>

#include "actors/plugin.hpp"

namespace {

using namespace greenroom;
using codecs::field_of;

struct how_long {
  std::uint32_t ms = 0;
  static constexpr auto fields() { return std::tuple{field_of("ms", &how_long::ms, 60'000)}; }
};
struct report {
  std::uint32_t blocked = 0, cancelled = 0;
  static constexpr auto fields() {
    return std::tuple{field_of("blocked", &report::blocked), field_of("cancelled", &report::cancelled)};
  }
};

class sleeper final : public service_behaviour {
 public:
  using service_behaviour::service_behaviour;

  void block(const how_long& what, service_request request) {
    ++so_far_.blocked;
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{what.ms};
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock lock{mutex};
    while (!request.cancelled() && std::chrono::steady_clock::now() < until)
      never.wait_for(lock, std::chrono::milliseconds{1});
    so_far_.cancelled += request.cancelled() ? 1 : 0;
    if (what.ms == 13) throw std::runtime_error{"on purpose"};
    request.reply();
  }
  void tell(const codecs::payload_ptr&, service_request request) { request.reply(so_far_); }

  /// A timer, a message into a room and a question to itself, from a thread that is no shard's.
  void chores(const codecs::payload_ptr&, service_request request) {
    node().publish(room_id{"chores"}, {.event = "begun", .payload = codecs::json_document("1")});
    node().call("sleeper.tell", nullptr, std::chrono::seconds{5}, [this, request](const codecs::outcome& said) mutable {
      held_ = std::move(request);
      ok_ = std::holds_alternative<codecs::result>(said);
      node().set_timer("chores", std::chrono::milliseconds{5});
    });
  }
  void on_timer(std::string_view) override {
    if (held_) held_->reply(codecs::json_document(ok_ ? "true" : "false"));
    held_.reset();
  }

 private:
  report so_far_;
  std::optional<service_request> held_;
  bool ok_ = false;
};

}  // namespace

GREENROOM_PLUGIN("sleeper", "1.0") {
  into.add(service<sleeper>("sleeper")
               .answers("sleeper.block", "Blocks its thread.", &sleeper::block)
               .answers("sleeper.tell", "Tells what it did.", &sleeper::tell)
               .answers("sleeper.chores", "Does what a service may do.", &sleeper::chores)
               .with(runs::detached)
               .time_limit(std::chrono::milliseconds{700}));
}
