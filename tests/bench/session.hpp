#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/figures.hpp"
#include "tests/bench/load_client.hpp"
#include "tests/bench/process_meter.hpp"
#include "tests/bench/speech.hpp"

/// How the load generator makes its parts known to a server, and what the figures have in common.
namespace greenroom::bench {

inline std::string payload_of(std::size_t bytes) { return "\"" + std::string(bytes - 2, 'x') + "\""; }

/// The same of words in no order: about as compressible as what people and programs write.
inline std::string words_of(std::size_t bytes) {
  static constexpr std::array words{"price", "of",     "the",   "next",  "order", "is",   "never",
                                    "sent",  "before", "noon",  "and",   "every", "one",  "who",
                                    "waits", "here",   "reads", "seven", "green", "rooms"};
  std::string text;
  for (unsigned n = 1; text.size() < bytes; n = n * 1'103'515'245U + 12'345U)
    (text += words[n / 65'536U % words.size()]) += ' ';
  return '"' + text.substr(0, bytes - 2) + '"';
}

inline std::string open_frame(const std::string& user) { return open_frame(speech::native, user); }

/// Rooms with their members, and one publisher for all of them that is no member; ready when it is made.
class crowd {
 public:
  crowd(load& of, const target& where, const order& what)
      : load_{of}, publishes_{where.publishes()}, rooms_{what.rooms}, in_each_{what.members} {
    constexpr std::size_t at_once = 100;
    const std::size_t all = std::size_t{rooms_} * in_each_;
    for (std::size_t from = 0; from < all; from += at_once) bring(where, from, std::min(all, from + at_once));
    publisher_ = &of.connect({.how = publishes_, .path = publisher_path(publishes_)});
    of.must("the publisher's connection", [&] { return publisher_->at() == peer::state::open; });
    if (opens_first(publishes_)) {
      publisher_->send(open_frame(publishes_, "publisher"));
      of.must("the publisher's session", [&] { return publisher_->frames == greetings_of(publishes_) + 1; });
    }
    publisher_->frames = publisher_->bytes = 0;
    for (auto* each : members_) each->frames = each->bytes = 0;
    of.received = 0;
  }

  std::vector<peer*>& members() { return members_; }
  peer& publisher() { return *publisher_; }
  /// So many messages in one write, the rooms in turn.
  void publish(std::size_t count, const std::string& payload) {
    std::string frames;
    for (std::size_t i = 0; i < count; ++i, ++published_)
      frames += publish_frame(publishes_, static_cast<std::uint32_t>(published_ % rooms_), published_ + 1, payload);
    publisher_->send(frames);
  }
  std::uint64_t published() const { return published_; }
  std::uint64_t deliveries() const { return published_ * in_each_; }
  /// Of a member's messages the one that it got last: when, in the order of publishes from 0, it was published.
  std::uint64_t number_of_last(const peer& member) const { return (member.frames - 1) * rooms_ + member.is().tag; }
  /// Every member has received everything, and every publish its ack.
  void settle() {
    load_.must("all deliveries", [&] { return load_.received == published_ * (in_each_ + acks_of(publishes_)); });
  }
  /// Mean length of what a member and the publisher get for one message, with frame headers.
  void frame_lengths(result& into) const {
    std::uint64_t bytes = 0, frames = 0;
    for (const auto* each : members_) bytes += each->bytes, frames += each->frames;
    into["frame_bytes"] = static_cast<double>(bytes) / static_cast<double>(frames);
    if (publisher_->frames == 0) return;
    into["reply_bytes"] = static_cast<double>(publisher_->bytes) / static_cast<double>(publisher_->frames);
  }

 private:
  void bring(const target& where, std::size_t from, std::size_t to) {
    for (auto k = from; k < to; ++k) {
      const auto how = where.how[k % where.how.size()];
      const auto room = static_cast<std::uint32_t>(k / in_each_);
      members_.push_back(&load_.connect({.how = how, .path = member_path(how, room), .tag = room}));
    }
    load_.must("the members' connections", [&] {
      return std::all_of(members_.begin() + static_cast<std::ptrdiff_t>(from), members_.end(),
                         [](auto* p) { return p->at() == peer::state::open; });
    });
    for (auto k = from; k < to; ++k)
      if (const auto how = members_[k]->is().how; opens_first(how)) members_[k]->send(open_frame(how, user(k)));
    load_.must("the members' sessions",
               [&] { return all_have(from, [](speech how) { return opens_first(how) ? greetings_of(how) + 1 : 0; }); });
    for (auto k = from; k < to; ++k)
      if (const auto& is = members_[k]->is(); joins(is.how)) members_[k]->send(join_frame(is.how, is.tag));
    load_.must("the members' joins",
               [&] { return all_have(from, [](speech how) { return joins(how) ? messages_when_joined(how) : 0; }); });
  }
  static std::string user(std::size_t member) { return "member-" + std::to_string(member); }

  template <class Wanted>
  bool all_have(std::size_t from, Wanted wanted) const {
    return std::all_of(members_.begin() + static_cast<std::ptrdiff_t>(from), members_.end(),
                       [&](auto* p) { return p->frames >= wanted(p->is().how); });
  }

  load& load_;
  speech publishes_;
  std::uint32_t rooms_, in_each_;
  std::vector<peer*> members_;
  peer* publisher_ = nullptr;
  std::uint64_t published_ = 0;
};

/// What is refused costs less than what is measured: an error throws. To be asked of some answers.
inline void must_not_refuse(std::string_view answer) {
  if (answer.find("\"error\"") != std::string_view::npos)
    throw std::runtime_error{"the server refuses: " + std::string{answer.substr(0, 300)}};
}

/// The value below which that part of the samples lies; sorts them.
inline double quantile(std::vector<double>& samples, double part) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  return samples[static_cast<std::size_t>(part * static_cast<double>(samples.size() - 1))];
}

inline double microseconds(clock::duration d) { return std::chrono::duration<double, std::micro>(d).count(); }
inline double seconds(clock::duration d) { return std::chrono::duration<double>(d).count(); }

/// Server CPU and wall time from here on.
class stopwatch {
 public:
  explicit stopwatch(pid_t process) : process_{process}, cpu_{cpu_time(process)} {}
  double cpu_us() const { return std::chrono::duration<double, std::micro>(cpu_time(process_) - cpu_).count(); }
  clock::duration elapsed() const { return clock::now() - start_; }

 private:
  pid_t process_;
  std::chrono::nanoseconds cpu_;
  clock::time_point start_ = clock::now();
};

inline void latencies(result& into, std::vector<double>& samples_us, const std::string& prefix) {
  into[prefix + "p50_us"] = quantile(samples_us, 0.5);
  into[prefix + "p99_us"] = quantile(samples_us, 0.99);
  into[prefix + "p999_us"] = quantile(samples_us, 0.999);
}

}  // namespace greenroom::bench
