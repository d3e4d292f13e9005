// Counts messages, and writes into each who counted it: `{"build": 1, "count": 3, "was": the payload}`. A room whose
// name ends with `-stubborn` is one whose state the second build does not understand. The first build crashes on `poison`.
#include "actors/plugin.hpp"

#include <stdexcept>

namespace {

using namespace greenroom;

struct counted {
  std::uint32_t build = TALLY_BUILD;
  std::uint64_t count = 0;
  codecs::payload_ptr was;
  static constexpr auto fields() {
    using codecs::field_of;
    return std::tuple{field_of("build", &counted::build), field_of("count", &counted::count),
                      field_of("was", &counted::was)};
  }
};

class tally final : public room_behaviour {
 public:
  using room_behaviour::room_behaviour;

  void on_message(publish_request message) override {
    if (TALLY_BUILD == 1 && message.event() == "poison") throw std::runtime_error{"build 1 cannot take this"};
    counted now;
    now.count = ++count_;
    now.was = message.payload();
    room().changed();
    message.rewrite(codecs::write_fields(now));
    message.accept();
  }
  std::string snapshot() const override { return std::to_string(count_); }
  void restore(std::string_view state) override {
    if (TALLY_BUILD == 2 && room().id().value.ends_with("-stubborn"))
      throw std::runtime_error{"build 2 does not understand this"};
    count_ = std::stoull(std::string{state});
  }

 private:
  std::uint64_t count_ = 0;
};

/// The same as a service, `tally.next`; the second build answers `tally.newer`, too.
class tally_service final : public service_behaviour {
 public:
  using service_behaviour::service_behaviour;

  void next(const codecs::payload_ptr& params, service_request request) {
    counted now;
    now.count = ++count_;
    now.was = params;
    request.reply(now);
  }
  std::string snapshot() const override { return std::to_string(count_); }
  void restore(std::string_view state) override { count_ = std::stoull(std::string{state}); }

 private:
  std::uint64_t count_ = 0;
};

}  // namespace

GREENROOM_PLUGIN("tally", GREENROOM_TEXT(TALLY_BUILD) ".0") {
  into.add_room<tally>("tally");
  auto answers = service<tally_service>("tally").answers("tally.next", "Counts calls.", &tally_service::next);
  if (TALLY_BUILD == 2)
    into.add(std::move(answers).answers("tally.newer", "Counts calls, too.", &tally_service::next));
  else
    into.add(std::move(answers));
}
