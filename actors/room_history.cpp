#include "actors/room_history.hpp"

#include <algorithm>

#include "actors/limits.hpp"
#include "actors/refusal.hpp"
#include "actors/stored_message.hpp"

namespace greenroom {

using storage::errc;

codecs::envelope_ptr room_history::envelope_of(const storage::record& from) const {
  return stored_message(from.body, room_, log_.epoch(), from.seq, from.at_ms);
}

std::string room_history::lost(const codecs::position& since) const {
  if (since.epoch != log_.epoch() || since.seq > log_.newest()) return "epoch_changed";
  if (since.seq == log_.newest()) return {};
  return since.seq + 1 < log_.oldest() ? "expired" : "";
}

void room_history::recover(const codecs::position& since, std::function<void(gap)> then) const {
  gap found{.reason = lost(since), .position = log_.newest()};
  if (!found.reason.empty() || since.seq == log_.newest()) return then(std::move(found));
  log_.read(since.seq, limits::missed_messages_max, limits::missed_bytes_max,
            [this, since, then = std::move(then)](const storage::log_page& page) { then(gap_of(since.seq, page)); });
}

room_history::gap room_history::gap_of(std::uint64_t since, const storage::log_page& page) const {
  const auto refused = [this](std::string why) { return gap{.reason = std::move(why), .position = log_.newest()}; };
  const auto& records = page.records;
  if (page.error == errc::unavailable) return refused("unavailable");
  if (records.empty() || records.front().seq != since + 1) return refused("expired");
  if (records.back().seq != page.head.last) return refused("too_far");
  gap all{.reason = {}, .position = std::min(records.back().seq, log_.newest())};
  for (const auto& record : records) {
    if (record.seq > all.position) break;  // committed, and not told to the members yet
    auto message = envelope_of(record);
    if (!message) return refused("damaged");
    all.missed.push_back(std::move(message));
  }
  return all;
}

void room_history::page(const codecs::calls::room_history& what, std::function<void(codecs::outcome)> then) const {
  const auto most = std::min<std::size_t>(what.limit, limits::history_messages_max);
  auto found = [this, before = what.before, then = std::move(then)](const storage::log_page& page) {
    if (page.error == errc::unavailable) return then(refusal(page.error));
    codecs::results::history all{
        .epoch = log_.epoch(), .first = page.head.first, .last = page.head.last, .messages = {}};
    for (const auto& record : page.records) {
      if (before && record.seq >= *before) break;
      if (auto message = envelope_of(record)) all.messages.push_back(std::move(message));
    }
    then(codecs::result{std::move(all)});
  };
  if (what.after)
    log_.read(*what.after, most, limits::history_bytes_max, std::move(found));
  else
    log_.read_before(what.before.value_or(UINT64_MAX), most, limits::history_bytes_max, std::move(found));
}

}  // namespace greenroom
