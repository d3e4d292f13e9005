#include "storage/memory_inboxes.hpp"

#include <algorithm>
#include <limits>

namespace greenroom::storage {
namespace {

constexpr auto every = std::numeric_limits<std::size_t>::max();

}  // namespace

/// Carries what happened to an inbox over to the sums of its stripe and of the store.
class memory_inboxes::edit {
 public:
  edit(budget& all, stripe& in, const memory_inbox& box) : budget_{all}, in_{in}, box_{box}, before_{box.state()} {}
  edit(const edit&) = delete;
  edit& operator=(const edit&) = delete;

  ~edit() {
    const auto after = box_.state();
    in_.used.sub(budget_, before_.bytes + before_.count * limits::message_overhead_bytes);
    in_.used.add(budget_, after.bytes + after.count * limits::message_overhead_bytes);
    in_.queued += after.count - before_.count;
    in_.bytes += after.bytes - before_.bytes;
    in_.holding += (after.count != 0) - std::uint64_t{before_.count != 0};
  }

 private:
  budget& budget_;
  stripe& in_;
  const memory_inbox& box_;
  inbox_state before_;
};

memory_inboxes::memory_inboxes(std::uint64_t bytes_max, std::size_t inboxes_max, dead_letters& dead)
    : dead_{dead}, budget_{bytes_max}, per_stripe_max_{std::max<std::size_t>(1, inboxes_max / limits::stripes)} {}

memory_inbox* memory_inboxes::find_or_make(stripe& in, const std::string& user) {
  if (const auto found = in.all.find(user); found != in.all.end()) return &found->second;
  if (in.all.size() >= per_stripe_max_) {
    if (in.holding >= per_stripe_max_) return nullptr;
    std::erase_if(in.all, [&in](const auto& box) {
      const auto state = box.second.state();
      if (state.count == 0) in.forgotten_upto = std::max(in.forgotten_upto, state.last);
      return state.count == 0;
    });
  }
  return &in.all.try_emplace(user, in.forgotten_upto).first->second;
}

std::size_t memory_inboxes::bury_expired(std::string_view user, memory_inbox& box, std::int64_t now_ms,
                                         std::size_t removals_max) {
  auto expired = box.take_expired(now_ms, removals_max);
  for (auto& message : expired) dead_.bury(user, std::move(message), dead_reason::expired, now_ms);
  return expired.size();
}

errc memory_inboxes::make_room(stripe& in, const std::string& user, memory_inbox& box, std::uint64_t bytes,
                               const inbox_bounds& bounds, std::int64_t now_ms) {
  if (!box.fits(bytes, bounds)) bury_expired(user, box, now_ms, every);
  if (!box.fits(bytes, bounds)) {
    ++in.full;
    return errc::queue_full;
  }
  if (budget_.exceeded()) {
    ++in.unavailable;
    return errc::unavailable;
  }
  return errc::success;
}

outcome memory_inboxes::execute(const inbox_append& op) {
  auto in = stripes_.at(op.user);
  auto* box = find_or_make(*in, op.user);
  if (!box) {
    ++in->unavailable;
    return {.error = errc::unavailable};
  }
  edit changes{budget_, *in, *box};
  if (const auto refused = make_room(*in, op.user, *box, op.body->size(), op.bounds, op.at_ms);
      refused != errc::success)
    return {.error = refused};
  ++in->accepted;
  const auto n = box->append(op.body, op.at_ms, op.expires_ms);
  return {.n = n, .at_ms = op.at_ms};
}

outcome memory_inboxes::execute(const inbox_ack& op) {
  auto in = stripes_.at(op.user);
  const auto box = in->all.find(op.user);
  if (box == in->all.end()) return {};
  edit changes{budget_, *in, box->second};
  outcome out;
  while (box->second.take_oldest_upto(op.upto)) ++out.count;
  in->acknowledged += out.count;
  out.left = box->second.size();
  return out;
}

outcome memory_inboxes::execute(const inbox_expire& op) {
  auto in = stripes_.at(op.user);
  const auto box = in->all.find(op.user);
  if (box == in->all.end()) return {};
  edit changes{budget_, *in, box->second};
  const auto moved = bury_expired(op.user, box->second, op.now_ms, every);
  return {.count = moved, .left = box->second.size()};
}

outcome memory_inboxes::execute(const inbox_attempt& op) {
  auto in = stripes_.at(op.user);
  const auto box = in->all.find(op.user);
  if (box == in->all.end()) return {};
  const auto* oldest = box->second.attempt();
  if (!oldest) return {};
  edit changes{budget_, *in, box->second};
  outcome out{.n = oldest->n};
  if (oldest->attempts >= op.attempts_max) {
    dead_.bury(op.user, *box->second.take_oldest_upto(out.n), dead_reason::undeliverable, op.now_ms);
    out.count = 1;
  }
  out.left = box->second.size();
  return out;
}

outcome memory_inboxes::execute(const inbox_purge& op) {
  auto in = stripes_.at(op.user);
  const auto box = in->all.find(op.user);
  if (box == in->all.end()) return {};
  edit changes{budget_, *in, box->second};
  outcome out;
  while (box->second.take_oldest_upto(std::numeric_limits<std::uint64_t>::max())) ++out.count;
  in->purged += out.count;
  return out;
}

outcome memory_inboxes::execute(const dead_replay& op) {
  const auto letter = dead_.find(op.id);
  if (!letter || !letter->room.empty()) return {.error = errc::not_found};
  auto in = stripes_.at(letter->user);
  auto* box = find_or_make(*in, letter->user);
  if (!box) {
    ++in->unavailable;
    return {.error = errc::unavailable};
  }
  edit changes{budget_, *in, *box};
  if (const auto refused = make_room(*in, letter->user, *box, letter->body->size(), op.bounds, op.now_ms);
      refused != errc::success)
    return {.error = refused};
  if (!dead_.take_for_replay(op.id)) return {.error = errc::not_found};
  const auto n = box->append(letter->body, letter->at_ms, op.expires_ms);
  return {.n = n, .at_ms = letter->at_ms};
}

std::size_t memory_inboxes::sweep(std::size_t stripe, std::int64_t now_ms, std::size_t removals_max) {
  auto in = stripes_.part(stripe);
  std::size_t moved = 0;
  for (auto& [user, box] : in->all) {
    if (moved == removals_max) break;
    if (!box.may_have_expired(now_ms)) continue;
    edit changes{budget_, *in, box};
    moved += bury_expired(user, box, now_ms, removals_max - moved);
  }
  return moved;
}

inbox_state memory_inboxes::state(std::string_view user) const {
  const auto in = stripes_.at(user);
  const auto found = in->all.find(user);
  return found == in->all.end() ? inbox_state{.last = in->forgotten_upto} : found->second.state();
}

inbox_page memory_inboxes::read(std::string_view user, std::uint64_t after, std::size_t count_max,
                                std::size_t bytes_max, std::int64_t now_ms) const {
  const auto in = stripes_.at(user);
  const auto found = in->all.find(user);
  if (found == in->all.end()) return {.state = {.last = in->forgotten_upto}};
  return found->second.read(after, count_max, bytes_max, now_ms);
}

std::vector<inbox_summary> memory_inboxes::list(std::string_view after, std::size_t count_max) const {
  std::vector<inbox_summary> found;
  for (std::size_t i = 0; i < limits::stripes; ++i) {
    const auto in = stripes_.part(i);
    std::size_t taken = 0;
    for (auto box = in->all.upper_bound(after); box != in->all.end() && taken < count_max; ++box) {
      if (box->second.size() == 0) continue;
      found.push_back({box->first, box->second.state()});
      ++taken;
    }
  }
  std::ranges::sort(found, {}, &inbox_summary::user);
  if (found.size() > count_max) found.resize(count_max);
  return found;
}

void memory_inboxes::count(statistics& into) const {
  for (std::size_t i = 0; i < limits::stripes; ++i) {
    const auto in = stripes_.part(i);
    into.inboxes += in->holding;
    into.queued += in->queued;
    into.queued_bytes += in->bytes;
    into.accepted += in->accepted;
    into.acknowledged += in->acknowledged;
    into.purged += in->purged;
    into.refused_full += in->full;
    into.unavailable += in->unavailable;
  }
}

}  // namespace greenroom::storage
