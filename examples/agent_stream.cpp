// agent_stream: an agent that answers a prompt word by word into its room. The room's order is the stream: a client that
// lost its connection resumes in the middle of the sentence, and so does the agent after a crash or a newer build.
//
//   [plugins] load = ["build/examples/agent_stream.so"]    [namespace.agent] behaviour = "agent_stream"
#include <sstream>

#include "actors/plugin.hpp"

namespace {

using namespace greenroom;
using namespace std::chrono_literals;
using codecs::field_of;

struct prompt {
  std::string text;
  static constexpr auto fields() { return std::tuple{field_of("text", &prompt::text, 2'000)}; }
};
struct token {
  std::string answer;
  std::uint32_t index = 0;
  std::string text;  ///< empty: the end
  static constexpr auto fields() {
    return std::tuple{field_of("answer", &token::answer), field_of("index", &token::index),
                      field_of("text", &token::text)};
  }
};
struct job {  ///< an answer under way: its words, and the first one that is not said yet
  std::string answer;
  std::vector<std::string> words;
  std::uint32_t next = 0;
  static constexpr auto fields() {
    return std::tuple{field_of("answer", &job::answer), field_of("words", &job::words), field_of("next", &job::next)};
  }
};
struct jobs {
  std::vector<job> open;
  static constexpr auto fields() { return std::tuple{field_of("open", &jobs::open, 20)}; }
};

class agent_stream final : public room_behaviour {
 public:
  using room_behaviour::room_behaviour;

  void on_start(beginning) override { go_on(); }
  void on_message(publish_request message) override {
    auto read = codecs::read_fields<prompt>(message.payload().get(), "params.payload");
    if (auto* why = std::get_if<codecs::error>(&read)) return message.refuse(std::move(*why));
    if (now_.open.size() == 20) return message.refuse("the agent is busy");
    std::istringstream text{"You asked: " + std::get<prompt>(read).text};
    auto& next = now_.open.emplace_back(job{std::to_string(room().now_ms()) + "-" + message.from().user.value, {}, 0});
    for (std::string word; text >> word;) next.words.push_back(word);
    room().changed();
    message.accept();
    go_on();
  }
  void on_timer(std::string_view) override {
    for (auto& each : now_.open) {  // an id for each token: it is said once, whatever crashes in between
      const auto index = each.next++;
      const token now{each.answer, index, index < each.words.size() ? each.words[index] : std::string{}};
      room().changed();
      const auto id = each.answer.substr(0, 50) + "-" + std::to_string(index);
      room().publish({.event = "token", .payload = codecs::write_fields(now), .from = "agent", .except = {}, .id = id});
    }
    std::erase_if(now_.open, [](const job& each) { return each.next > each.words.size(); });
    go_on();
  }
  std::string snapshot() const override { return std::string{codecs::write_fields(now_)->original()}; }
  void restore(std::string_view state) override {
    now_ = std::get<jobs>(codecs::read_fields<jobs>(codecs::json_document(state).get()));
  }

 private:
  void go_on() { now_.open.empty() ? room().cancel_timer("token") : room().set_timer("token", 40ms); }
  jobs now_;
};

}  // namespace

GREENROOM_PLUGIN("agent_stream", "1.0.0") { into.add_room<agent_stream>("agent_stream"); }
