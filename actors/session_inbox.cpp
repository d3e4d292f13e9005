#include "actors/session_inbox.hpp"

#include <algorithm>
#include <utility>

#include "actors/context.hpp"
#include "actors/peer.hpp"

namespace greenroom::session {

using codecs::error_code;

const caf::actor& session_inbox::queue() const { return opts_.ctx.queue_of(opts_.who.user.value); }

caf::message_handler session_inbox::refusing() {
  return {
      [](const inbox&) {},
      [](const inbox_ack& m) { m.reply(codecs::make_error(error_code::conflict)); },
      [](const take_inbox& m) { m.reply(codecs::make_error(error_code::conflict)); },
      [](const inbox_acked&) {},
  };
}

void session_inbox::begin() {
  if (opts_.keep->takes_inbox) runtime::tell(queue(), offline_queue::attach{me()});
}

void session_inbox::register_again() {
  if (opts_.keep->client && opts_.keep->takes_inbox)
    runtime::tell(queue(), offline_queue::attach{me(), opts_.keep->inbox_sent});
}

void session_inbox::end() {
  const bool failed = opts_.keep->inbox_sent > 0 && opts_.keep->inbox_acked == 0;
  runtime::tell(queue(),
                offline_queue::detach{me(), failed ? offline_queue::delivery::failed : offline_queue::delivery::open});
}

void session_inbox::deliver(const inbox& m) {
  for (const auto& each : m.messages) {
    opts_.keep->client->push(codecs::pushes::inbox_message{each});
    opts_.keep->inbox_sent = std::max(opts_.keep->inbox_sent, each->seq);
  }
}

void session_inbox::acknowledge(const inbox_ack& m) {
  if (m.upto > opts_.keep->inbox_sent) {
    auto why = codecs::make_error(error_code::invalid_params, "more than this session was sent");
    why.path = "params.upto";
    return m.reply(std::move(why));
  }
  opts_.keep->inbox_acked = std::max(opts_.keep->inbox_acked, m.upto);
  runtime::tell(queue(), offline_queue::acknowledge{me(), m.upto, m.reply});
}

/// A client whose protocol has it so (Phoenix) takes what the inbox has when it says so.
void session_inbox::take(const take_inbox& m) {
  const bool opens = m.what == take_inbox::way::open;
  if (std::exchange(opts_.keep->takes_inbox, opens) != opens) opens ? begin() : end();
  m.reply(codecs::result{codecs::results::nothing{}});
}

}  // namespace greenroom::session
