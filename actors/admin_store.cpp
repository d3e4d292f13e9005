#include "actors/admin_store.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "actors/admin_request.hpp"
#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/offline_queue.hpp"
#include "actors/room_replay.hpp"
#include "actors/store_backup.hpp"
#include "actors/store_reader.hpp"
#include "actors/store_writer.hpp"
#include "actors/stored_message.hpp"
#include "codecs/json_writer.hpp"
#include "runtime/errc.hpp"
#include "runtime/local_socket.hpp"

namespace greenroom::admin_store {
namespace {

using admin::bad_member;
using admin::peer_ptr;
using admin::refuse;
using codecs::error_code;
using codecs::json_writer;

constexpr auto whenever = std::numeric_limits<std::int64_t>::min();  ///< a time at which nothing has expired

struct request : admin::members {
  runtime::actor_base* self;
  context& ctx;
  peer_ptr to;

  std::string user() const {
    auto name = text("user");
    if (!name || name->empty()) throw bad_member{"`user` is missing"};
    return *name;
  }
  std::vector<std::uint64_t> letters() const {
    const auto* found = codecs::find(input, "letters");
    std::vector<std::uint64_t> all;
    if (!found) return all;
    if (!found->is(codecs::kind::array)) throw bad_member{"`letters` is no list of numbers"};
    for (const auto& each : codecs::items_of(*found)) {
      if (!each.is(codecs::kind::natural)) throw bad_member{"`letters` is no list of numbers"};
      all.push_back(each.natural);
    }
    if (all.empty() || all.size() > limits::admin_page_max)
      throw bad_member{"`letters` are 1 to " + std::to_string(limits::admin_page_max)};
    std::ranges::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());  // clang 14 takes no ranges::unique
    return all;
  }
};

auto failed(const peer_ptr& to, std::string_view who) {
  return [to, who = std::string{who}](const caf::error& why) {
    refuse(to, who + " does not answer: " + runtime::explain(why), error_code::timed_out);
  };
}

void refuse_store(const peer_ptr& to, storage::errc why) {
  if (why == storage::errc::outcome_unknown)
    refuse(to, "whether the store has done it is not known: look again", error_code::timed_out);
  else
    refuse(to, "the store takes nothing now", error_code::unavailable);
}

/// Answers with one object.
template <class Write>
void answer(const peer_ptr& to, Write write) {
  std::string out;
  json_writer json{out};
  json.begin_object();
  write(json);
  json.end_object();
  to->send_line(out);
}

/// What a message says. A payload that is too long for an answer is left out.
void write_message(json_writer& json, const storage::bytes_ptr& body) {
  const auto message = stored_message(body, {}, {}, 0, 0);
  if (!message) {
    json.key("damaged"), json.boolean(true);
    return;
  }
  json.key("id"), json.text(message->id);
  json.key("from"), json.text(message->from);
  json.key("event"), json.text(message->event);
  json.key("payload_bytes"), json.natural(message->body->original().size());
  if (message->body->original().size() > limits::admin_page_bytes) return;
  std::string payload{message->body->as(codecs::format::json)};
  std::ranges::replace_if(
      payload, [](char c) { return c == '\n' || c == '\r'; }, ' ');  // an answer is one line
  json.key("payload"), json.raw(payload);
}

/// Which page follows; nothing where this one was the last.
template <class Key>
void write_next(json_writer& json, bool more, const Key& last) {
  if (!more) return;
  json.key("next");
  if constexpr (std::is_convertible_v<const Key&, std::string_view>)
    json.text(last);
  else
    json.natural(last);
}

// --- inboxes

/// A page of inboxes, and the sessions of their users as one queue after the other answers.
struct inbox_page {
  peer_ptr to;
  std::int64_t now_ms = 0;
  store_reader::list_inboxes::reply found{};
  bool more = false;
  std::vector<std::size_t> sessions{};
  std::size_t open = 0;

  void answer_when_whole() const {
    if (open != 0) return;
    answer(to, [this](json_writer& json) {
      json.key("now_ms"), json.integer(now_ms);
      json.key("inboxes"), json.begin_array(found.all.size());
      for (std::size_t i = 0; i < found.all.size(); ++i) {
        const auto& each = found.all[i];
        json.item(), json.begin_object();
        json.key("user"), json.text(each.user);
        json.key("messages"), json.natural(each.state.count);
        json.key("bytes"), json.natural(each.state.bytes);
        json.key("oldest_ms"), json.integer(found.oldest_ms[i]);
        json.key("sessions"), json.natural(sessions[i]);
        json.end_object();
      }
      json.end_array();
      write_next(json, more, found.all.empty() ? std::string{} : found.all.back().user);
    });
  }
};

void count_sessions(runtime::actor_base* self, const context& ctx, const std::shared_ptr<inbox_page>& page) {
  std::map<const caf::actor*, std::vector<std::size_t>> by_queue;
  for (std::size_t i = 0; i < page->found.all.size(); ++i)
    by_queue[&ctx.queue_of(page->found.all[i].user)].push_back(i);
  page->sessions.resize(page->found.all.size());
  page->open = by_queue.size();
  for (const auto& [queue, rows] : by_queue) {
    offline_queue::count_sessions question;
    for (const auto row : rows) question.users.push_back(user_id{page->found.all[row].user});
    runtime::ask(self, *queue, limits::ask_timeout, std::move(question))
        .then(
            [page, rows = rows](const offline_queue::count_sessions::reply& r) {
              for (std::size_t i = 0; i < rows.size(); ++i) page->sessions[rows[i]] = r.sessions[i];
              --page->open;
              page->answer_when_whole();
            },
            [page](const caf::error&) {  // it is being restarted
              --page->open;
              page->answer_when_whole();
            });
  }
  page->answer_when_whole();
}

void queue_list(const request& r) {
  const auto limit = r.limit();
  runtime::ask(r.self, r.ctx.readers.front(), limits::ask_timeout,
               store_reader::list_inboxes{r.text_or_none("after"), limit + 1})
      .then(
          [self = r.self, &ctx = r.ctx, to = r.to, limit](const store_reader::list_inboxes::reply& found) {
            auto page = std::make_shared<inbox_page>(inbox_page{.to = to, .now_ms = ctx.now_ms(), .found = found});
            if ((page->more = page->found.all.size() > limit)) page->found.all.pop_back();
            count_sessions(self, ctx, page);
          },
          failed(r.to, "the store's reader"));
}

void queue_show(const request& r) {
  const auto user = r.user();
  runtime::ask(r.self, store_reader::of(r.ctx, user), limits::ask_timeout,
               store_reader::read_inbox{user, r.natural("after", 0), r.limit(), limits::admin_page_bytes, whenever})
      .then(
          [to = r.to, user, now = r.ctx.now_ms()](const store_reader::read_inbox::reply& found) {
            const auto& page = found.page;
            if (page.error != storage::errc::success) return refuse_store(to, page.error);
            answer(to, [&](json_writer& json) {
              json.key("now_ms"), json.integer(now);
              json.key("user"), json.text(user);
              json.key("waiting"), json.natural(page.state.count);
              json.key("bytes"), json.natural(page.state.bytes);
              json.key("messages"), json.begin_array(page.messages.size());
              for (const auto& each : page.messages) {
                json.item(), json.begin_object();
                json.key("n"), json.natural(each.n);
                json.key("at_ms"), json.integer(each.at_ms);
                json.key("expires_ms"), json.integer(each.expires_ms);
                json.key("attempts"), json.natural(each.attempts);
                write_message(json, each.body);
                json.end_object();
              }
              json.end_array();
              const auto last = page.messages.empty() ? 0 : page.messages.back().n;
              write_next(json, !page.messages.empty() && last < page.state.last, last);
            });
          },
          failed(r.to, "the store's reader"));
}

void queue_replay(const request& r) {
  const auto user = r.user();
  runtime::ask(r.self, r.ctx.queue_of(user), limits::ask_timeout, offline_queue::resend{user_id{user}})
      .then(
          [to = r.to](const offline_queue::resend::reply& told) {
            answer(to, [&](json_writer& json) {
              json.key("messages"), json.natural(told.messages);
              json.key("sessions"), json.natural(told.sessions);
            });
          },
          failed(r.to, "the user's queue"));
}

void queue_purge(const request& r) {
  const auto user = r.user();
  runtime::ask(r.self, r.ctx.queue_of(user), limits::ask_timeout, offline_queue::purge{user_id{user}})
      .then(
          [to = r.to](const offline_queue::purge::reply& told) {
            if (!told.done.ok()) return refuse_store(to, told.done.error);
            answer(to, [&](json_writer& json) { json.key("messages"), json.natural(told.done.count); });
          },
          failed(r.to, "the user's queue"));
}

// --- dead letters

std::string_view word(storage::dead_reason why) {
  switch (why) {
    case storage::dead_reason::expired: return "expired";
    case storage::dead_reason::undeliverable: return "undeliverable";
    case storage::dead_reason::crashed: return "crashed";
  }
  return {};
}

/// Those of one user or of one room, or all.
store_reader::list_dead wanted_letters(const request& r, std::size_t count_max) {
  store_reader::list_dead wanted{r.text("user"), r.text("room"), r.natural("after", 0), count_max};
  if (wanted.user && wanted.room) throw bad_member{"`user` or `room`, not both"};
  return wanted;
}

void write_letter(json_writer& json, const storage::dead_letter& each) {
  json.item(), json.begin_object();
  json.key("letter"), json.natural(each.id);
  json.key(each.room.empty() ? "user" : "room"), json.text(each.room.empty() ? each.user : each.room);
  json.key("reason"), json.text(word(each.reason));
  json.key("died_ms"), json.integer(each.died_ms);
  if (each.room.empty()) json.key("n"), json.natural(each.n);
  json.key("at_ms"), json.integer(each.at_ms);
  json.key("attempts"), json.natural(each.attempts);
  write_message(json, each.body);
  json.end_object();
}

void dead_list(const request& r) {
  const auto limit = r.limit();
  runtime::ask(r.self, r.ctx.readers.front(), limits::ask_timeout, wanted_letters(r, limit + 1))
      .then(
          [to = r.to, limit, now = r.ctx.now_ms()](const store_reader::list_dead::reply& found) {
            answer(to, [&](json_writer& json) {
              json.key("now_ms"), json.integer(now);
              json.key("letters"), json.begin_array(found.all.size());
              std::size_t written = 0, bytes = 0;
              for (const auto& each : found.all) {
                bytes += each.body ? each.body->size() : 0;
                if (written == limit || (written != 0 && bytes > limits::admin_page_bytes)) break;
                write_letter(json, each);
                ++written;
              }
              json.end_array();
              write_next(json, written < found.all.size(), written == 0 ? 0 : found.all[written - 1].id);
            });
          },
          failed(r.to, "the store's reader"));
}

/// Letters that are queued or published again, answered when the last of the queues and rooms has.
struct replay {
  peer_ptr to;
  std::uint64_t replayed = 0, published = 0;  ///< published: those of rooms among them
  std::vector<std::uint64_t> full{}, refused{}, crashed{}, missing{}, failed{};
  std::optional<std::uint64_t> next{};
  std::size_t open = 0;

  void take(const std::vector<std::uint64_t>& letters, const std::vector<storage::outcome>& all) {
    for (std::size_t i = 0; i < letters.size(); ++i) {
      switch (all[i].error) {
        case storage::errc::success: ++replayed; break;
        case storage::errc::queue_full: full.push_back(letters[i]); break;
        case storage::errc::not_found: missing.push_back(letters[i]); break;
        default: failed.push_back(letters[i]);
      }
    }
  }
  void take(std::uint64_t letter, room_replay::fate what) {
    switch (what) {
      case room_replay::fate::published:
        ++replayed;
        ++this->published;
        break;
      case room_replay::fate::refused: this->refused.push_back(letter); break;
      case room_replay::fate::crashed: this->crashed.push_back(letter); break;
      case room_replay::fate::missing: this->missing.push_back(letter); break;
      case room_replay::fate::failed: this->failed.push_back(letter); break;
    }
  }
  void answer_when_whole() {
    if (open != 0) return;
    answer(to, [this](json_writer& json) {
      json.key("replayed"), json.natural(replayed);
      json.key("published"), json.natural(published);
      for (auto [name, letters] : {std::pair{"full", &full},
                                   {"refused", &refused},
                                   {"crashed", &crashed},
                                   {"missing", &missing},
                                   {"failed", &failed}}) {
        std::ranges::sort(*letters);
        json.key(name), json.begin_array(letters->size());
        for (const auto letter : *letters) json.item(), json.natural(letter);
        json.end_array();
      }
      write_next(json, next.has_value(), next.value_or(0));
    });
  }
};

/// An actor of its own waits for the rooms.
void publish_again(runtime::actor_base* self, context& ctx, const std::shared_ptr<replay>& what,
                   std::vector<storage::dead_letter> letters) {
  std::vector<std::uint64_t> numbers;
  for (const auto& each : letters) numbers.push_back(each.id);
  auto who = room_replay::spawn({.system = self->system(), .home = self->home()}, {ctx});
  auto done = [what, numbers, who](const std::vector<room_replay::fate>& fates) {
    for (std::size_t i = 0; i < numbers.size(); ++i)
      what->take(numbers[i], i < fates.size() ? fates[i] : room_replay::fate::failed);
    --what->open;
    what->answer_when_whole();
  };
  runtime::ask(self, who, limits::room_replay_max + limits::ask_timeout, room_replay::publish_again{std::move(letters)})
      .then([done](const room_replay::publish_again::reply& told) { done(told.all); },
            [done](const caf::error&) { done({}); });
}

void revive(runtime::actor_base* self, context& ctx, const std::shared_ptr<replay>& what,
            const std::vector<storage::dead_letter>& found) {
  std::map<std::string, std::vector<std::uint64_t>> by_user;
  std::vector<storage::dead_letter> of_rooms;
  for (const auto& each : found)
    if (each.room.empty())
      by_user[each.user].push_back(each.id);
    else
      of_rooms.push_back(each);
  what->open = by_user.size() + !of_rooms.empty();
  if (!of_rooms.empty()) publish_again(self, ctx, what, std::move(of_rooms));
  for (const auto& [user, letters] : by_user) {
    runtime::ask(self, ctx.queue_of(user), limits::ask_timeout, offline_queue::replay_dead{user_id{user}, letters})
        .then(
            [what, letters = letters](const offline_queue::replay_dead::reply& told) {
              what->take(letters, told.all);
              --what->open;
              what->answer_when_whole();
            },
            [what, letters = letters](const caf::error&) {
              what->failed.insert(what->failed.end(), letters.begin(), letters.end());
              --what->open;
              what->answer_when_whole();
            });
  }
  what->answer_when_whole();
}

void dead_replay(const request& r) {
  auto what = std::make_shared<replay>(replay{.to = r.to});
  if (auto letters = r.letters(); !letters.empty())
    return runtime::ask(r.self, r.ctx.readers.front(), limits::ask_timeout, store_reader::find_dead{letters})
        .then(
            [self = r.self, &ctx = r.ctx, what, letters](const store_reader::find_dead::reply& found) {
              what->missing = letters;
              for (const auto& each : found.all) std::erase(what->missing, each.id);
              revive(self, ctx, what, found.all);
            },
            failed(r.to, "the store's reader"));
  const auto limit = r.limit();
  runtime::ask(r.self, r.ctx.readers.front(), limits::ask_timeout, wanted_letters(r, limit))
      .then(
          [self = r.self, &ctx = r.ctx, what, limit](const store_reader::list_dead::reply& found) {
            if (found.all.size() == limit) what->next = found.all.back().id;
            revive(self, ctx, what, found.all);
          },
          failed(r.to, "the store's reader"));
}

void dead_purge(const request& r) {
  const auto all = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const auto wanted = wanted_letters(r, 0);
  store_writer::write_one(r.self, r.ctx, storage::dead_purge{r.natural("upto", all), wanted.user, wanted.room},
                          [to = r.to](const storage::outcome& done) {
                            if (!done.ok()) return refuse_store(to, done.error);
                            answer(to, [&](json_writer& json) { json.key("letters"), json.natural(done.count); });
                          });
}

// --- the whole

void backup(const request& r) {
  const auto file = r.text_or_none("file");
  if (!file.starts_with('/')) throw bad_member{"`file` is no absolute path"};
  const auto* replace = codecs::find(r.input, "replace");
  const bool may_replace = replace && replace->is(codecs::kind::boolean) && replace->boolean;
  runtime::ask(
      r.self, r.ctx.backups, limits::backup_max,
      store_backup::back_up{file, may_replace ? storage::existing_file::replace : storage::existing_file::refuse})
      .then(
          [to = r.to, file](const store_backup::back_up::reply& done) {
            if (!done.why.empty()) return refuse(to, done.why);
            answer(to, [&](json_writer& json) {
              json.key("file"), json.text(file);
              json.key("bytes"), json.natural(done.bytes);
              json.key("took_ms"), json.integer(done.took_ms);
            });
          },
          failed(r.to, "the backup's actor"));
}

using command = admin::command<request>;
constexpr std::array all_commands{
    command{"queue_list", queue_list},   command{"queue_show", queue_show}, command{"queue_replay", queue_replay},
    command{"queue_purge", queue_purge}, command{"dead_list", dead_list},   command{"dead_replay", dead_replay},
    command{"dead_purge", dead_purge},   command{"backup", backup},
};

}  // namespace

bool answered(runtime::actor_base* self, context& ctx, const peer_ptr& to, std::string_view command,
              const codecs::value& input) {
  const auto found = std::ranges::find(all_commands, command, &admin_store::command::name);
  if (found == all_commands.end()) return false;
  admin::run(*found, request{{input}, self, ctx, to});
  return true;
}

std::string commands() { return admin::names_of(all_commands); }

}  // namespace greenroom::admin_store
