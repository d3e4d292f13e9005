#include "actors/questions.hpp"

#include <algorithm>

#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/peer.hpp"

namespace greenroom::session {
namespace {

using codecs::error_code;

ask::reply refusal(question_end how, error_code code, std::string sentence) {
  return {codecs::make_error(code, std::move(sentence)), how};
}

}  // namespace

ask::reply not_connected() {
  return refusal(question_end::gone, error_code::unavailable, "the client is not connected");
}

void questions::put(peer& client, const ask& m) {
  runtime::promise<ask> owed{self_};
  if (open_.size() >= limits::requests_in_flight_max) {
    ctx_.meters.client_request(request_end::unavailable);
    return owed.deliver(
        refusal(question_end::full, error_code::unavailable, "the client has as many open requests as it may have"));
  }
  const auto number = client.request(m.method, m.params, m.of ? &*m.of : nullptr);
  if (!number) {
    ctx_.meters.client_request(request_end::unavailable);
    return owed.deliver(not_connected());
  }
  const auto limit = std::clamp<std::chrono::milliseconds>(m.limit, {}, limits::client_answer_max);
  open_.add(*number, self_->now() + limit, std::move(owed));
  bell_.set(open_.next());
}

void questions::settle(std::uint64_t number, codecs::outcome what) {
  auto owed = open_.take(number);
  if (!owed) return ctx_.meters.client_request(request_end::late);
  ctx_.meters.client_request(std::holds_alternative<codecs::error>(what) ? request_end::refused
                                                                         : request_end::answered);
  owed->deliver(ask::reply{std::move(what)});
}

void questions::on_look() {
  if (!bell_.rings()) return;
  while (auto owed = open_.take_due(self_->now())) {
    ctx_.meters.client_request(request_end::timed_out);
    owed->deliver(refusal(question_end::timed_out, error_code::timed_out, "the client did not answer in time"));
  }
  bell_.set(open_.next());
}

void questions::refuse_all() {
  while (auto owed = open_.take_first()) {
    ctx_.meters.client_request(request_end::unavailable);
    owed->deliver(refusal(question_end::gone, error_code::unavailable, "the client went before it had answered"));
  }
}

}  // namespace greenroom::session
