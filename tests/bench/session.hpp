#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/figures.hpp"
#include "tests/bench/load_client.hpp"
#include "tests/bench/process_meter.hpp"
#include "tests/bench/speech.hpp"

/// How the load generator makes its parts known to a server, and what the figures have in common.
namespace greenroom::bench {

inline constexpr std::size_t payload_bytes = 128;  ///< of a message: a JSON string with its quotes

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

/// Of the native protocol.
inline std::string publish_frame(const std::string& room, std::uint64_t id, const std::string& payload) {
  return publish_frame(speech::native, room, id, payload);
}
inline std::string open_frame(const std::string& user) { return open_frame(speech::native, user); }
inline std::string join_frame(const std::string& room) { return join_frame(speech::native, room); }

/// A room with its members and one publisher that is none; ready when it is made.
class crowd {
 public:
  /// The members speak like that; the publisher natively, but to npm's socket.io.
  crowd(load& of, const target& where, const std::string& room, std::size_t members, speech how = speech::native)
      : load_{of}, room_{room}, publishes_{how == speech::npm ? how : speech::native} {
    const bool floor = where.kind == server_kind::floor;
    constexpr std::size_t at_once = 100;
    for (std::size_t i = 0; i < members; i += at_once) {
      const auto end = std::min(members, i + at_once);
      for (auto k = i; k < end; ++k) members_.push_back(&of.connect(floor ? "/member" : path_of(how)));
      of.must("the members' connections", [&] { return all_open(i); });
      if (floor) continue;
      if (opens_first(how)) {
        for (auto k = i; k < end; ++k) members_[k]->send(open_frame(how, {}));
        of.must("the members' sessions", [&] { return all_have(i, greetings_of(how) + 1); });
      }
      for (auto k = i; k < end; ++k) members_[k]->send(join_frame(how, room));
      of.must("the members' joins", [&] { return all_have(i, frames_when_joined(how)); });
    }
    publisher_ = &of.connect(floor ? "/publish" : path_of(publishes_));
    of.must("the publisher's connection", [&] { return publisher_->at() == peer::state::open; });
    if (publishes_ == speech::npm) {
      publisher_->send(open_frame(publishes_, {}));
      of.must("the publisher's session", [&] { return publisher_->frames == 2; });
      publisher_->frames = publisher_->bytes = 0;
    }
    for (auto* each : members_) each->frames = each->bytes = 0;
    of.received = 0;
  }

  std::vector<peer*>& members() { return members_; }
  peer& publisher() { return *publisher_; }
  void publish(std::size_t count, const std::string& payload) {
    std::string frames;
    for (std::size_t i = 0; i < count; ++i) frames += publish_frame(publishes_, room_, ++published_, payload);
    publisher_->send(frames);
  }
  std::uint64_t published() const { return published_; }
  /// Every member has received everything, and every publish its ack.
  void settle() {
    load_.must("all deliveries", [&] { return load_.received == published_ * (members_.size() + 1); });
  }
  /// Mean length of what a member and the publisher get for one message, with frame headers.
  void frame_lengths(result& into) const {
    into["frame_bytes"] = static_cast<double>(members_[0]->bytes) / static_cast<double>(members_[0]->frames);
    into["reply_bytes"] = static_cast<double>(publisher_->bytes) / static_cast<double>(publisher_->frames);
  }

 private:
  bool all_open(std::size_t from) const {
    return std::all_of(members_.begin() + static_cast<std::ptrdiff_t>(from), members_.end(),
                       [](auto* p) { return p->at() == peer::state::open; });
  }

  bool all_have(std::size_t from, std::uint64_t frames) const {
    return std::all_of(members_.begin() + static_cast<std::ptrdiff_t>(from), members_.end(),
                       [frames](auto* p) { return p->frames == frames; });
  }

  load& load_;
  std::string room_;
  speech publishes_;
  std::vector<peer*> members_;
  peer* publisher_ = nullptr;
  std::uint64_t published_ = 0;
};

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
  double cpu_us() const { return static_cast<double>((cpu_time(process_) - cpu_).count()); }
  clock::duration elapsed() const { return clock::now() - start_; }

 private:
  pid_t process_;
  std::chrono::microseconds cpu_;
  clock::time_point start_ = clock::now();
};

inline void latencies(result& into, std::vector<double>& samples_us, const std::string& prefix) {
  into[prefix + "p50_us"] = quantile(samples_us, 0.5);
  into[prefix + "p99_us"] = quantile(samples_us, 0.99);
  into[prefix + "p999_us"] = quantile(samples_us, 0.999);
}

}  // namespace greenroom::bench
