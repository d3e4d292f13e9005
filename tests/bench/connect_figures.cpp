#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>

#include "codecs/jwt_key.hpp"
#include "codecs/jwt_mint.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/process_meter.hpp"
#include "tests/bench/session.hpp"

namespace greenroom::bench {
namespace {

using std::chrono::milliseconds;

void wait(load& all, clock::duration time) {
  all.run_until([] { return false; }, clock::now() + time);
}

/// Sessions that are opened with what `opening` says for each, from 0, and then stay.
class opened_sessions {
 public:
  using opening = std::function<std::string(std::size_t)>;
  opened_sessions(const target& of, std::size_t count, const opening& says)
      : all_{{.port = of.port,
              .on_frame =
                  [this](peer& who, std::string_view answer) {
                    if (who.frames != greetings_of(who.is().how) + 1) return;
                    must_not_refuse(answer);
                    ++answered_;
                  },
              .on_open = [this, says](peer& who) { who.send(says(opened_++)); },
              .tls = of.tls}} {
    constexpr std::size_t at_once = 128, sources = 8;
    const auto how = of.how.front();
    const auto before = resident_bytes(of.process);
    const stopwatch watch{of.process};
    for (std::size_t started = 0; answered_ < count;) {
      for (; started < count && started < answered_ + at_once; ++started)
        all_.connect({.how = how, .path = caller_path(how), .source = 1 + static_cast<unsigned>(started % sources)});
      const auto so_far = answered_;
      all_.must("a session", [&] { return answered_ > so_far; });
    }
    const auto each = static_cast<double>(count);
    measured = {{"sessions", each},
                {"per_second", each / seconds(watch.elapsed())},
                {"cpu_us_per_session", watch.cpu_us() / each}};
    wait(all_, milliseconds{1'000});  // what opening borrowed is given back
    measured["bytes_per_session"] = static_cast<double>(resident_bytes(of.process) - before) / each;
  }

  load& all() { return all_; }
  result measured;

 private:
  std::size_t answered_ = 0, opened_ = 0;
  load all_;
};

opened_sessions::opening plainly(const target& of) {
  return [how = of.how.front()](std::size_t i) { return open_frame(how, "user-" + std::to_string(i)); };
}

std::string contents_of(const char* file) {
  std::ifstream in{file ? file : ""};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

result connect_sessions(const target& of, const order& what) {
  return opened_sessions{of, what.sessions, plainly(of)}.measured;
}

/// Each session with a token of its own, so that the server remembers none of them. They are signed before the clock runs.
result connect_with_tokens(const target& of, const order& what) {
  std::string why;
  const auto signer = codecs::jwt_signer::from_pem(codecs::jwt_algorithm::es256,
                                                   contents_of(std::getenv("GREENROOM_BENCH_KEY")), {}, why);
  if (!signer) throw std::runtime_error{"GREENROOM_BENCH_KEY must name a private key: " + why};
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  codecs::jwt_order order;
  order.issued_at_s = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  order.expires_at_s = order.issued_at_s + 3'600;
  std::vector<std::string> frames;
  while (frames.size() < what.sessions) {
    order.subject = "user-" + std::to_string(frames.size());
    frames.push_back(masked(R"({"jsonrpc":"2.0","id":0,"method":"session.open","params":{"token":")" +
                            codecs::mint_jwt(order, *signer) + R"("}})"));
  }
  return opened_sessions{of, what.sessions, [&](std::size_t i) { return frames.at(i); }}.measured;
}

result idle_sessions(const target& of, const order& what) {
  opened_sessions idle{of, what.sessions, plainly(of)};
  const stopwatch watch{of.process};
  wait(idle.all(), std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>{what.seconds}));
  const auto each = watch.cpu_us() / what.sessions;
  return {{"sessions", what.sessions}, {"cpu_us_per_session_second", each / seconds(watch.elapsed())}};
}

}  // namespace greenroom::bench
