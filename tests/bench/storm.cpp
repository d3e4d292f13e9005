// A crowd of sessions loses its node in the middle of everything, and comes back.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <queue>
#include <random>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/bench/durable_figures.hpp"
#include "tests/bench/load_client.hpp"
#include "tests/bench/session.hpp"

namespace greenroom::bench {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t members_of_room = 100, message_bytes = 256, sources = 8;
constexpr std::size_t publishes_per_second = 200;
constexpr auto before_kill = milliseconds{2'000}, after_return = milliseconds{500};
constexpr auto patience = std::chrono::seconds{100};
constexpr milliseconds retry_min{250}, retry_max{4'000};

std::string text_after(std::string_view in, std::string_view name) {
  const auto key = "\"" + std::string{name} + "\":\"";
  const auto at = in.find(key);
  if (at == std::string_view::npos) return {};
  const auto from = at + key.size();
  return std::string{in.substr(from, in.find('"', from) - from)};
}

std::uint64_t number_after(std::string_view in, std::string_view name) {
  const auto key = "\"" + std::string{name} + "\":";
  const auto at = in.find(key);
  return at == std::string_view::npos ? 0 : std::strtoull(in.data() + at + key.size(), nullptr, 10);
}

/// One client that resumes wherever it can.
struct member {
  std::string user, room, session{}, token{}, epoch{};
  std::uint64_t seq = 0, repeats = 0;
  peer* line = nullptr;
  milliseconds pause = retry_min;
  bool opened = false, joined = false;
  clock::time_point resumed_at{};
};

struct publisher {
  std::string room;
  peer* line = nullptr;
  std::uint64_t sent = 0, acked = 0, last_seq = 0;
};

class crowd_in_a_storm {
 public:
  crowd_in_a_storm(const target& of, std::uint32_t sessions)
      : members_(sessions), publishers_((sessions + members_of_room - 1) / members_of_room), load_{options(of)} {}

  result run() {
    for (std::size_t i = 0; i < publishers_.size(); ++i) publishers_[i].room = room(i);
    for (std::size_t i = 0; i < members_.size(); ++i)
      members_[i] = {.user = "u" + std::to_string(i), .room = room(i / members_of_room)};
    constexpr std::size_t at_once = 200;
    for (std::size_t i = 0; i < members_.size(); i += at_once) {
      const auto end = std::min(members_.size(), i + at_once);
      for (auto k = i; k < end; ++k) call(members_[k], k);
      load_.must("the members", [&] {
        return std::all_of(members_.begin() + static_cast<std::ptrdiff_t>(i),
                           members_.begin() + static_cast<std::ptrdiff_t>(end), [](auto& m) { return m.joined; });
      });
    }
    for (auto& each : publishers_) call(each);
    publish_for(before_kill);
    std::cout << "kill" << std::endl;
    killed_at_ = clock::now();
    publish_for(before_kill);  // into the void, too: what is not acknowledged is sent again
    const auto began = clock::now();
    while (!settled()) {
      if (clock::now() - began > patience) throw std::runtime_error{"the sessions have not come back: " + report()};
      come_back();
    }
    return measured();
  }

 private:
  static std::string room(std::size_t i) { return "durable:storm-" + std::to_string(i); }

  load::options options(const target& of) {
    return {.port = of.port,
            .on_frame = [this](peer& who, std::string_view frame) { hear(who, frame); },
            .on_open = [this](peer& who) { greet(who); },
            .tolerate_close = true};
  }

  void call(member& who, std::size_t number) {
    who.line = &load_.connect({.path = "/ws", .source = static_cast<unsigned>(1 + number % sources)});
    by_line_[who.line] = &who;
  }
  void call(publisher& who) {
    who.line = &load_.connect({.path = "/ws"});
    publishing_[who.line] = &who;
  }

  void greet(peer& line) {
    if (const auto found = publishing_.find(&line); found != publishing_.end()) {
      auto& who = *found->second;
      for (auto n = who.acked; n < who.sent; ++n) line.send(frame_of(who, n + 1));
      return;
    }
    auto& who = *by_line_.at(&line);
    std::string params = R"("user":")" + who.user + '"';
    if (who.opened)
      params = R"("resume":{"session":")" + who.session + R"(","token":")" + who.token + R"(","positions":{")" +
               who.room + R"(":{"epoch":")" + who.epoch + R"(","seq":)" + std::to_string(who.seq) + "}}}";
    line.send(masked(R"({"jsonrpc":"2.0","id":1,"method":"session.open","params":{)" + params + "}}"));
  }

  void hear(peer& line, std::string_view frame) {
    if (const auto found = publishing_.find(&line); found != publishing_.end())
      return acknowledged(*found->second, frame);
    auto& who = *by_line_.at(&line);
    if (frame.find("\"room.message\"") != std::string_view::npos) {
      const auto seq = number_after(frame, "seq");
      if (seq > who.seq + 1)
        throw std::runtime_error{"a gap: " + std::to_string(who.seq) + " to " + std::to_string(seq)};
      who.repeats += seq <= who.seq;
      who.seq = std::max(who.seq, seq);
    } else if (frame.find("\"error\"") != std::string_view::npos) {
      ++refused_;
      who.pause = milliseconds{std::max<std::uint64_t>(number_after(frame, "retry_after_ms"), 1)};
      later(who);
    } else if (frame.find("\"resume_token\"") != std::string_view::npos) {
      open(who, frame);
    } else if (!who.joined && frame.find("\"id\":2") != std::string_view::npos) {
      who.joined = true;
      who.epoch = text_after(frame, "epoch");
      who.seq = number_after(frame, "seq");
    }
  }

  void open(member& who, std::string_view frame) {
    const bool resumed = frame.find("\"resumed\":true") != std::string_view::npos;
    if (who.opened && (!resumed || frame.find("\"recovered\":true") == std::string_view::npos))
      throw std::runtime_error{"a session was not resumed: " + std::string{frame}};
    who.session = text_after(frame, "session");
    who.token = text_after(frame, "resume_token");
    who.pause = retry_min;
    if (!who.opened)
      who.line->send(masked(R"({"jsonrpc":"2.0","id":2,"method":"room.join","params":{"room":")" + who.room + "\"}}"));
    if (who.opened) who.resumed_at = clock::now();
    who.opened = true;
  }

  std::string frame_of(const publisher& who, std::uint64_t n) const {
    return masked(R"({"jsonrpc":"2.0","id":)" + std::to_string(n) + R"(,"method":"room.publish","params":{"room":")" +
                  who.room + R"(","event":"bench","id":"m)" + std::to_string(n) + R"(","payload":)" + payload_ + "}}");
  }
  void acknowledged(publisher& who, std::string_view frame) {
    const auto seq = number_after(frame, "seq");
    if (seq == 0) return;  // refused: it goes again with the next connection
    ++who.acked;
    who.last_seq = std::max(who.last_seq, seq);
  }

  void publish_for(milliseconds time) {
    const auto began = clock::now();
    std::size_t done = 0;
    while (clock::now() - began < time) {
      const auto due = static_cast<std::size_t>(seconds(clock::now() - began) * publishes_per_second);
      for (; done < due; ++done) {
        auto& who = publishers_[next_publisher_++ % publishers_.size()];
        ++who.sent;
        if (who.line->at() == peer::state::open) who.line->send(frame_of(who, who.sent));
      }
      come_back();
    }
  }

  /// Whoever has lost its line tries again, later each time, and when it pleases chance.
  void come_back() {
    const auto now = clock::now();
    for (auto& each : members_)
      if (each.line && each.line->at() == peer::state::closed) later(each);
    for (auto& each : publishers_)
      if (each.line->at() == peer::state::closed) call(each);
    for (; !waiting_.empty() && waiting_.top().first <= now; waiting_.pop())
      call(members_[waiting_.top().second], waiting_.top().second);
    load_.run_until([] { return false; }, now + milliseconds{20});
  }
  void later(member& who) {
    who.line = nullptr;
    const auto wait = who.pause / 2 + milliseconds{random_() % static_cast<unsigned>(who.pause.count())};
    waiting_.emplace(clock::now() + wait, static_cast<std::size_t>(&who - members_.data()));
    who.pause = std::min(retry_max, who.pause * 2);
  }

  bool settled() const {
    for (const auto& each : publishers_)
      if (each.acked < each.sent) return false;
    for (std::size_t i = 0; i < members_.size(); ++i)
      if (members_[i].resumed_at == clock::time_point{} || members_[i].seq < publishers_[i / members_of_room].last_seq)
        return false;
    return true;
  }
  std::string report() const {
    const auto back =
        std::count_if(members_.begin(), members_.end(), [](auto& m) { return m.resumed_at != clock::time_point{}; });
    return std::to_string(back) + " of " + std::to_string(members_.size());
  }

  result measured() const {
    std::vector<double> resumed;
    std::uint64_t repeats = 0, published = 0;
    for (const auto& each : members_) {
      resumed.push_back(seconds(each.resumed_at - killed_at_) * 1e3);
      repeats += each.repeats;
    }
    for (const auto& each : publishers_) published += each.acked;
    return {{"sessions", static_cast<double>(members_.size())},
            {"published", static_cast<double>(published)},
            {"resumed_p50_ms", quantile(resumed, 0.5)},
            {"resumed_last_ms", quantile(resumed, 1)},
            {"all_delivered_ms", seconds(clock::now() - killed_at_) * 1e3},
            {"repeats", static_cast<double>(repeats)},
            {"told_to_wait", static_cast<double>(refused_)}};
  }

  std::vector<member> members_;
  std::vector<publisher> publishers_;
  std::unordered_map<peer*, member*> by_line_;
  std::unordered_map<peer*, publisher*> publishing_;
  using due = std::pair<clock::time_point, std::size_t>;
  std::priority_queue<due, std::vector<due>, std::greater<>> waiting_;
  std::mt19937 random_{1};
  std::string payload_ = payload_of(message_bytes);
  std::size_t next_publisher_ = 0;
  std::uint64_t refused_ = 0;
  clock::time_point killed_at_{};
  load load_;
};

}  // namespace

result storm(const target& of, const order& what) { return crowd_in_a_storm{of, what.sessions}.run(); }

}  // namespace greenroom::bench
