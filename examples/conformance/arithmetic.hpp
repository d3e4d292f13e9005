// The methods of the examples in the JSON-RPC 2.0 specification.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "actors/service_behaviour.hpp"
#include "codecs/arguments.hpp"

namespace greenroom::conformance {

struct summand {
  std::int64_t value = 0;
  static constexpr auto fields() { return std::tuple{codecs::field_of("value", &summand::value)}; }
};

class arithmetic final : public service_behaviour {
 public:
  using service_behaviour::service_behaviour;

  struct difference {
    std::int64_t minuend = 0, subtrahend = 0;
    static constexpr auto fields() {
      return std::tuple{codecs::field_of("minuend", &difference::minuend),
                        codecs::field_of("subtrahend", &difference::subtrahend)};
    }
  };
  void subtract(const difference& of, service_request request) { number(of.minuend - of.subtrahend, request); }

  void sum(const codecs::payload_ptr& params, service_request request) {
    std::int64_t total = 0;
    for (const auto& each : codecs::arguments_of(params)) {
      const auto one = codecs::list_of({each});
      auto read = codecs::read_fields<summand>(one.get());
      if (auto* why = std::get_if<codecs::error>(&read)) return request.refuse(std::move(*why));
      total += std::get<summand>(read).value;
    }
    number(total, request);
  }

  void get_data(const codecs::payload_ptr&, service_request request) {
    request.reply(codecs::json_document(R"(["hello",5])"));
  }
  void echo(const codecs::payload_ptr& params, service_request request) {
    const auto arguments = codecs::arguments_of(params);
    request.reply(arguments.empty() ? nullptr : arguments.front());
  }
  void hear(const codecs::payload_ptr&, service_request request) { request.reply(nullptr); }

 private:
  static void number(std::int64_t n, service_request& request) {
    request.reply(codecs::json_document(std::to_string(n)));
  }
};

}  // namespace greenroom::conformance
