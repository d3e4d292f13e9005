#include "actors/session_inbox.hpp"

#include <algorithm>
#include <utility>

#include "actors/context.hpp"
#include "actors/peer.hpp"

namespace greenroom::session {

using codecs::error_code;

const caf::actor& session_inbox::queue() const { return opts_.ctx.queue_of(opts_.who.user.value); }

caf::message_handler session_inbox::handlers() {
  return {
      [this](const inbox& m) { deliver(m); },
      [this](const inbox_ack& m) { acknowledge(m); },
      [this](const take_inbox& m) { take(m); },
      [this](const inbox_acked& m) { keep_.client->push(codecs::pushes::inbox_acked{m.upto}); },
  };
}

caf::message_handler session_inbox::refusing() {
  return {
      [](const inbox&) {},
      [](const inbox_ack& m) { m.reply(codecs::make_error(error_code::conflict)); },
      [](const take_inbox& m) { m.reply(codecs::make_error(error_code::conflict)); },
      [](const inbox_acked&) {},
  };
}

void session_inbox::begin() {
  if (keep_.takes_inbox) runtime::tell(queue(), offline_queue::attach{me()});
}

void session_inbox::register_again() {
  if (keep_.client && keep_.takes_inbox) runtime::tell(queue(), offline_queue::attach{me(), keep_.inbox_sent});
}

void session_inbox::end() {
  const bool failed = keep_.inbox_sent > 0 && keep_.inbox_acked == 0;
  runtime::tell(queue(),
                offline_queue::detach{me(), failed ? offline_queue::delivery::failed : offline_queue::delivery::open});
}

void session_inbox::deliver(const inbox& m) {
  for (const auto& each : m.messages) {
    keep_.client->push(codecs::pushes::inbox_message{each});
    keep_.inbox_sent = std::max(keep_.inbox_sent, each->seq);
  }
}

void session_inbox::acknowledge(const inbox_ack& m) {
  if (m.upto > keep_.inbox_sent) {
    auto why = codecs::make_error(error_code::invalid_params, "more than this session was sent");
    why.path = "params.upto";
    return m.reply(std::move(why));
  }
  keep_.inbox_acked = std::max(keep_.inbox_acked, m.upto);
  runtime::tell(queue(), offline_queue::acknowledge{me(), m.upto, m.reply});
}

/// A client whose protocol has it so (Phoenix) takes what the inbox has when it says so.
void session_inbox::take(const take_inbox& m) {
  const bool opens = m.what == take_inbox::way::open;
  if (std::exchange(keep_.takes_inbox, opens) != opens) opens ? begin() : end();
  m.reply(codecs::result{codecs::results::nothing{}});
}

}  // namespace greenroom::session
