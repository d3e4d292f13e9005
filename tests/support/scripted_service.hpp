/// SCRIPTED_SERVICE is a service whose callbacks a test writes, and a node that has it: `bot.do`, and the idempotent
/// `bot.get`.
#pragma once
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/service_behaviour.hpp"
#include "actors/service_board.hpp"
#include "codecs/fields.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {

using codecs::json_document;

/// Outlives the lives of the service.
struct service_script {
  std::function<void(service_control&, service_request)> call;
  std::function<void(service_control&, std::string_view)> timer;
  std::function<void(service_control&)> start;
  std::function<void(std::string_view)> restore;
  std::string state;  ///< the snapshot
  strings heard;
  std::vector<service_request> held;  ///< what `call` kept
};

class scripted_service final : public service_behaviour {
 public:
  scripted_service(service_control& node, service_script& by) : service_behaviour{node}, by_{by} {}

  void on_start() override {
    by_.heard.push_back("start");
    if (by_.start) by_.start(node());
  }
  void on_timer(std::string_view name) override {
    by_.heard.push_back("timer " + std::string{name});
    if (by_.timer) by_.timer(node(), name);
  }
  std::string snapshot() const override { return by_.state; }
  void restore(std::string_view state) override {
    by_.heard.push_back("restore " + std::string{state});
    if (by_.restore) by_.restore(state);
  }
  void answer(service_request request) {
    by_.heard.push_back(request.method() + ' ' +
                        (request.params() ? std::string{request.params()->as(codecs::format::json)} : "-"));
    by_.call ? by_.call(node(), std::move(request)) : request.reply(request.params());
  }

 private:
  service_script& by_;
};

inline service_spec spec_of(service_script& by) {
  service_spec spec;
  spec.name = "bot";
  spec.make = [&by](service_control& node) { return std::make_unique<scripted_service>(node, by); };
  const auto add = [&](std::string name, repeat again) {
    spec.methods.push_back({.about = {.name = std::move(name), .summary = "Does what the test wants."},
                            .again = again,
                            .invoke = [](service_behaviour& self, service_request request) {
                              static_cast<scripted_service&>(self).answer(std::move(request));
                            }});
  };
  add("bot.do", repeat::unsafe);
  add("bot.get", repeat::idempotent);
  return spec;
}

/// A node with the service `bot`, and a client.
struct service_fixture : node_fixture {
  client& ann() {
    if (ann_) return *ann_;
    extensions.add(spec);
    ann_ = &connect();
    ann_->open("ann");
    return *ann_;
  }
  /// Keeps every request until the test answers it.
  void hold() {
    bot.call = [this](service_control&, service_request request) { bot.held.push_back(std::move(request)); };
  }
  const service_figures& row(std::size_t which = 0) {
    auto rows = ctx().board.rows();
    std::erase_if(rows, [](const auto& each) { return each->service == "workers"; });
    return *rows.at(which);
  }

  service_script bot;
  service_spec spec = spec_of(bot);

 private:
  client* ann_ = nullptr;
};

}  // namespace greenroom::tests
