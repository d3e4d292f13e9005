#include "actors/admin_secrets.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <set>
#include <vector>

#include "actors/admin_request.hpp"
#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/secret_store.hpp"
#include "codecs/base64.hpp"
#include "codecs/json_writer.hpp"
#include "runtime/errc.hpp"
#include "runtime/local_socket.hpp"
#include "storage/limits.hpp"
#include "storage/vault.hpp"

namespace greenroom::admin_secrets {
namespace {

using admin::bad_member;
using admin::peer_ptr;
using admin::refuse;
using codecs::error_code;
using codecs::json_writer;

constexpr std::chrono::minutes count_max{2};  ///< until who asked is told that millions of data keys were not counted

struct request : admin::members {
  runtime::actor_base* self;
  context& ctx;
  const caf::actor& store;
  peer_ptr to;

  std::string name() const {
    auto given = text_or_none("name");
    const bool good = !given.empty() && given.size() <= storage::limits::secret_name_bytes_max &&
                      std::ranges::all_of(given, [](char c) { return c > ' ' && c < '\x7f'; });
    if (!good)
      throw bad_member{"`name` is 1 to " + std::to_string(storage::limits::secret_name_bytes_max) +
                       " letters, digits and signs of ASCII, without spaces"};
    return given;
  }
};

auto failed(const peer_ptr& to) {
  return [to](const caf::error& why) {
    refuse(to, "the keeper of secrets does not answer: " + runtime::explain(why), error_code::timed_out);
  };
}

template <class Write>
void answer(const peer_ptr& to, Write write) {
  std::string out;
  json_writer json{out};
  json.begin_object();
  write(json);
  json.end_object();
  to->send_line(out);
}

/// Answers for an operation of the store.
auto written(const peer_ptr& to) {
  return [to](const auto& told) {
    switch (told.error) {
      case storage::errc::success: return answer(to, [](json_writer&) {});
      case storage::errc::not_found: return refuse(to, "there is no secret of that name", error_code::not_found);
      case storage::errc::outcome_unknown:
        return refuse(to, "whether the store has done it is not known: look again", error_code::timed_out);
      default:
        return refuse(to, "the store takes nothing now, or it keeps as many secrets as it may",
                      error_code::unavailable);
    }
  };
}

void need_vault(const request& r) {
  if (!r.ctx.vault) throw bad_member{"secrets.keys names no key: nothing can be kept secret"};
}

void put(const request& r) {
  need_vault(r);
  auto encoded = r.text_or_none("value");
  auto value = codecs::from_base64(encoded);
  storage::wipe(encoded);
  if (!value) throw bad_member{"`value` is no base64"};
  if (value->empty() || value->size() > storage::limits::secret_bytes_max)
    throw bad_member{"a secret is 1 to " + std::to_string(storage::limits::secret_bytes_max) + " bytes"};
  runtime::ask(r.self, r.store, limits::ask_timeout, secret_store::put{r.name(), std::move(*value)})
      .then(written(r.to), failed(r.to));
}

void erase(const request& r) {
  runtime::ask(r.self, r.store, limits::ask_timeout, secret_store::erase{r.name()}).then(written(r.to), failed(r.to));
}

void list(const request& r) {
  const auto limit = r.limit();
  runtime::ask(r.self, r.store, limits::ask_timeout, secret_store::list{r.text_or_none("after"), limit + 1})
      .then(
          [to = r.to, limit, now = r.ctx.now_ms()](const secret_store::list::reply& found) {
            const auto count = std::min(limit, found.all.size());
            answer(to, [&](json_writer& json) {
              json.key("now_ms"), json.integer(now);
              json.key("secrets"), json.begin_array(count);
              for (std::size_t i = 0; i < count; ++i) {
                const auto& each = found.all[i];
                json.item(), json.begin_object();
                json.key("name"), json.text(each.name);
                json.key("key"), json.text(each.kek);
                json.key("bytes"),
                    json.natural(each.sealed.size() - std::min(each.sealed.size(), 1 + storage::sealed_overhead_bytes));
                json.key("changed_ms"), json.integer(each.changed_ms);
                json.end_object();
              }
              json.end_array();
              if (found.all.size() > limit) json.key("next"), json.text(found.all[count - 1].name);
            });
          },
          failed(r.to));
}

void write_progress(json_writer& json, const secret_store::progress& now) {
  json.key("running"), json.boolean(now.running);
  json.key("done"), json.natural(now.done);
  json.key("left"), json.natural(now.left);
  json.key("locked"), json.natural(now.locked);
  if (!now.why.empty()) json.key("why"), json.text(now.why);
}

/// Who asks for either is told how far a rotation is.
template <class Question>
void tell_progress(const request& r) {
  runtime::ask(r.self, r.store, count_max, Question{})
      .then(
          [to = r.to](const typename Question::reply& told) {
            answer(to, [&](json_writer& json) { write_progress(json, told.now); });
          },
          failed(r.to));
}

void rotate(const request& r) {
  need_vault(r);
  tell_progress<secret_store::rotate>(r);
}

void status(const request& r) {
  runtime::ask(r.self, r.store, count_max, secret_store::count{})
      .then(
          [to = r.to, vault = r.ctx.vault, named = r.ctx.config.secrets.keys](const secret_store::count::reply& found) {
            auto all = found.all;
            for (const auto& entry : named) {
              auto id = entry.substr(0, entry.find('='));
              if (std::ranges::find(all, id, &storage::kek_use::kek) == all.end()) all.push_back({std::move(id), 0});
            }
            answer(to, [&](json_writer& json) {
              json.key("newest"), json.text(vault ? vault->newest() : std::string{});
              json.key("keys"), json.begin_array(all.size());
              for (const auto& each : all) {
                json.item(), json.begin_object();
                json.key("id"), json.text(each.kek);
                json.key("data_keys"), json.natural(each.count);
                json.key("here"), json.boolean(vault && vault->has(each.kek));
                json.end_object();
              }
              json.end_array();
              json.key("locked_in_memory"), json.boolean(storage::keys_are_locked());
              write_progress(json, found.now);
            });
          },
          failed(r.to));
}

using command = admin::command<request>;
constexpr std::array all_commands{
    command{"secret_put", put},       command{"secret_list", list},
    command{"secret_erase", erase},   command{"secret_rotate", rotate},
    command{"secret_status", status}, command{"secret_progress", tell_progress<secret_store::look>},
};

}  // namespace

bool answered(runtime::actor_base* self, context& ctx, const caf::actor& store, const peer_ptr& to,
              std::string_view command, const codecs::value& input) {
  const auto found = std::ranges::find(all_commands, command, &admin_secrets::command::name);
  if (found == all_commands.end() || !store) return false;
  admin::run(*found, request{{input}, self, ctx, store, to});
  return true;
}

std::string commands() { return admin::names_of(all_commands); }

}  // namespace greenroom::admin_secrets
