#include "actors/log_pages.hpp"

#include <algorithm>

#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/peer.hpp"
#include "actors/store_reader.hpp"
#include "actors/stored_message.hpp"
#include "runtime/ask.hpp"
#include "storage/planted.hpp"
#include "storage/store.hpp"

namespace greenroom {

runtime::frame log_pages::message::frame(codecs::codec_id codec, meters& counts) {
  auto& made = frames_[codec];
  if (!made) {
    const auto& how = codecs::codec_of(codec);
    std::string encoded;
    how.encode_broadcast(*what, encoded);
    how.end_turn(*what, encoded);
    counts.encoded(codecs::encoding_of(codec), 1);
    made = std::make_shared<const std::string>(std::move(encoded));
  }
  return made;
}

log_pages::page log_pages::made(const std::string& room, const std::string& epoch,
                                const storage::log_page& from) const {
  page all{.readable = from.error != storage::errc::unavailable, .messages = {}, .upto = from.head.last};
  if (from.error == storage::errc::not_found) all.upto = UINT64_MAX;  // nothing will come
  all.messages.reserve(from.records.size());
  for (const auto& record : from.records) {
    auto& one = all.messages.emplace_back();
    one.seq = record.seq;
    one.what = stored_message(record.body, room, epoch, record.seq, record.at_ms);
  }
  return all;
}

void log_pages::read(const subscription_ptr& who, const room_policy& policy, const std::string& epoch,
                     const then& what) {
  if (policy.kind == room_kind::ephemeral) {
    auto one = made(who->room, epoch,
                    ctx_.memory.read(who->room, who->position, limits::feed_messages_max, limits::feed_bytes_max));
    return what(who, one);
  }
  const key at{who->room, who->position};
  auto& readers = waiting_[at];
  if (std::ranges::find(readers, who) != readers.end()) return;
  readers.push_back(who);
  if (readers.size() > 1) return;
  auto give = [this, at, epoch, what](const storage::log_page& found) {
    const auto for_whom = waiting_.extract(at);
    auto one = made(at.first, epoch, found);
    for (const auto& each : for_whom.mapped())
      if (each->position == at.second) what(each, one);
  };
  runtime::ask(self_, store_reader::of(ctx_, at.first),
               store_reader::read_log{at.first, at.second, {}, limits::feed_messages_max, limits::feed_bytes_max})
      .then([give](const store_reader::read_log::reply& r) { give(r.page); },
            [give](const caf::error&) { give({.error = storage::errc::unavailable}); });
}

void log_pages::head(const std::string& room, const room_policy& policy,
                     std::function<void(const storage::log_head*)> what) const {
  auto tell = [what = std::move(what)](const std::optional<storage::log_head>& found) {
    what(found ? &*found : nullptr);
  };
  if (policy.kind == room_kind::ephemeral) return tell(ctx_.memory.head(room));
  runtime::ask(self_, store_reader::of(ctx_, room), store_reader::read_head{room})
      .then([tell](const store_reader::read_head::reply& r) { tell(r.head); }, [tell](const caf::error&) { tell({}); });
}

written write_messages(context& ctx, subscription& to, std::uint64_t upto, log_pages::page& page) {
  auto* out = to.to->out();
  const auto notice = [&](std::uint64_t from, std::uint64_t last) {
    to.to->push(codecs::pushes::room_notice{.room = to.room, .code = "dropped", .from = from, .to = last, .epoch = {}});
    ctx.meters.dropped(drop_reason::trimmed, last - from + 1);
  };
  for (auto& each : page.messages) {
    if (each.seq > upto) break;  // not published yet: it comes with its turn
    if (storage::planted("partial_recovery") && &each == page.messages.data() && page.messages.size() > 1) {
      to.position = each.seq;
      continue;
    }
    if (each.seq > to.position + 1) notice(to.position + 1, each.seq - 1);
    if (!each.what) {
      notice(each.seq, each.seq);
    } else {
      auto [bytes, compressed] = to.to->pack(each.frame(to.codec, ctx.meters));
      const auto size = bytes->size();
      const auto verdict = out->push({.bytes = std::move(bytes),
                                      .room = static_cast<runtime::room_key>(to.who.number),
                                      .event = 0,
                                      .first = each.seq,
                                      .last = each.seq,
                                      .messages = 1});
      if (verdict != runtime::outbox::verdict::queued) return written::all_that_fits;
      ctx.meters.sent(codecs::encoding_of(to.codec), 1, size, compressed);
    }
    to.position = each.seq;
  }
  const bool trimmed = page.upto >= upto && (page.messages.empty() || page.messages.front().seq > upto);
  if (to.position < upto && trimmed) {
    notice(to.position + 1, upto);
    to.position = upto;
  }
  return to.position < upto ? written::some : written::everything;
}

}  // namespace greenroom
