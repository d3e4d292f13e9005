#include "actors/admin.hpp"

#include <map>
#include <memory>
#include <vector>

#include "actors/admin_access.hpp"
#include "actors/admin_audit.hpp"
#include "actors/admin_secrets.hpp"
#include "actors/admin_store.hpp"
#include "actors/context.hpp"
#include "actors/http_api.hpp"
#include "actors/limits.hpp"
#include "actors/plugins.hpp"
#include "actors/session_directory.hpp"
#include "codecs/document.hpp"
#include "codecs/json_writer.hpp"
#include "runtime/errc.hpp"
#include "runtime/local_socket.hpp"
#include "runtime/supervisor.hpp"

namespace greenroom::admin {
namespace {

struct recorded {
  std::uint64_t number = 0;
};  ///< To itself: what waits for that line of the audit log goes on.

}  // namespace
}  // namespace greenroom::admin

GREENROOM_MESSAGE(greenroom::admin::recorded)

namespace greenroom::admin {
namespace {

using runtime::supervisor::describe;

/// A supervisor's part of the tree, filled in as the supervisors below it answer.
struct branch {
  describe::reply here;
  std::vector<std::shared_ptr<branch>> below;  ///< by child; null where the child is a worker, or has not answered
};

void write_children(codecs::json_writer& json, const branch& from) {
  json.key("children");
  json.begin_array(from.here.children.size());
  for (std::size_t i = 0; i < from.here.children.size(); ++i) {
    const auto& child = from.here.children[i];
    json.item();
    json.begin_object();
    json.key("name");
    json.text(child.id);
    json.key("kind");
    json.text(child.kind == runtime::kind::supervisor ? "supervisor" : "worker");
    json.key("state");
    json.text(runtime::to_string(child.state));
    json.key("restarts");
    json.natural(child.restarts);
    json.key("mailbox");
    json.natural(child.depth);
    if (!child.last_error.empty()) {
      json.key("last_error");
      json.text(child.last_error);
    }
    if (from.below[i]) write_children(json, *from.below[i]);
    json.end_object();
  }
  json.end_array();
}

/// One walk over the tree; answers when the last supervisor has.
struct walk {
  peer_ptr to;
  std::shared_ptr<branch> root = std::make_shared<branch>();
  std::size_t open = 0;

  void finish() const {
    std::string out;
    codecs::json_writer json{out};
    json.begin_object();
    json.key("name");
    json.text(root->here.id);
    json.key("kind");
    json.text("supervisor");
    json.key("state");
    json.text("up");
    write_children(json, *root);
    json.end_object();
    to->send_line(out);
  }
};

}  // namespace

void refuse(const peer_ptr& to, std::string_view why, codecs::error_code code) {
  std::string out;
  codecs::json_writer json{out};
  json.begin_object();
  json.key("error"), json.text(why);
  json.key("code"), json.integer(static_cast<std::int32_t>(code));
  json.end_object();
  to->send_line(out);
}

struct state {
  static inline const char* name = "admin";
  state(runtime::actor_base* s, const options& o) : self{s}, ctx{o.ctx}, secrets{o.secrets} {
    if (!self->home()) return;
    socket = std::make_unique<runtime::local_socket>(
        *self->home(), o.socket_path,
        [me = caf::actor_cast<caf::weak_actor_ptr>(caf::actor{self})](const peer_ptr& from, std::string_view line) {
          if (auto actor = caf::actor_cast<caf::actor>(me)) runtime::tell(actor, request{from, std::string{line}});
        });
  }

  caf::behavior start() {
    return {
        [this](const tree_root& m) { root = m.node; },
        [this](const request& m) { answer_line(m); },
        [this](const recorded& m) {
          if (auto waits = waiting.extract(m.number)) waits.mapped()();
        },
    };
  }

  void answer_line(const request& m);
  void carry_out(const request& m);
  void once_recorded(audit_entry what, std::function<void()> then);
  void announce(const peer_ptr& to, std::string text);
  void list_plugins(const peer_ptr& to);
  void reload(const peer_ptr& to, std::string plugin);
  void descend(const std::shared_ptr<walk>& on, const std::shared_ptr<branch>& into, const caf::actor& supervisor);

  runtime::actor_base* self;
  context& ctx;
  caf::actor root, secrets;
  std::unique_ptr<runtime::local_socket> socket;
  std::map<std::uint64_t, std::function<void()>> waiting;  ///< for the audit log
};

/// What a command changes is in the audit log first, and so is how it ended before anybody is told.
void state::answer_line(const request& m) {
  auto deed = ctx.audit ? admin_audit::deed_of(m.line, *m.from) : std::nullopt;
  if (!deed) return carry_out(m);
  auto to = admin_audit::witness(m.from, *deed, [this](audit_entry what, std::function<void()> then) {
    once_recorded(std::move(what), std::move(then));
  });
  once_recorded(std::move(*deed), [this, to, line = m.line] { carry_out({to, line}); });
}

/// The audit's thread is told a number only: clients belong to this shard.
void state::once_recorded(audit_entry what, std::function<void()> then) {
  const auto number = static_cast<std::uint64_t>(ctx.next_stamp());  // never that of an earlier life
  waiting.emplace(number, std::move(then));
  ctx.audit->record(std::move(what), [me = caf::actor_cast<caf::weak_actor_ptr>(caf::actor{self}), number] {
    if (auto actor = caf::actor_cast<caf::actor>(me)) runtime::tell(actor, recorded{number});
  });
}

void state::carry_out(const request& m) {
  codecs::borrowed_document input;
  if (input->read(codecs::format::json, m.line) || !input->root().is(codecs::kind::object))
    return refuse(m.from, "a line is one JSON object", codecs::error_code::parse);
  const auto* command = codecs::find(input->root(), "command");
  if (!command || !command->is(codecs::kind::text)) return refuse(m.from, "`command` is missing");
  if (command->text() == "status") return m.from->send_line(status_json(ctx));
  if (command->text() == "tree") {
    auto on = std::make_shared<walk>();
    on->to = m.from;
    return descend(on, on->root, root);
  }
  if (command->text() == "announce") {
    const auto* text = codecs::find(input->root(), "text");
    if (!text || !text->is(codecs::kind::text)) return refuse(m.from, "`text` is missing");
    return announce(m.from, std::string{text->text()});
  }
  if (command->text() == "plugins") return list_plugins(m.from);
  if (command->text() == "reload") {
    const auto* plugin = codecs::find(input->root(), "plugin");
    if (!plugin || !plugin->is(codecs::kind::text)) return refuse(m.from, "`plugin` is missing");
    return reload(m.from, std::string{plugin->text()});
  }
  if (admin_store::answered(self, ctx, m.from, command->text(), input->root())) return;
  if (admin_secrets::answered(self, ctx, secrets, m.from, command->text(), input->root())) return;
  if (admin_access::answered(self, ctx, m.from, command->text(), input->root())) return;
  refuse(m.from,
         "there is no such command: announce, plugins, reload, status, tree, " + admin_access::commands() + ", " +
             admin_secrets::commands() + ", " + admin_store::commands(),
         codecs::error_code::method_not_found);
}

void state::list_plugins(const peer_ptr& to) {
  runtime::ask(self, ctx.plugins, limits::ask_timeout, plugins::list{})
      .then(
          [to](const plugins::list::reply& r) {
            std::string out;
            codecs::json_writer json{out};
            const auto names = [&json](std::string_view key, const std::vector<std::string>& all) {
              json.key(key);
              json.begin_array(all.size());
              for (const auto& each : all) json.item(), json.text(each);
              json.end_array();
            };
            json.begin_object();
            json.key("plugins");
            json.begin_array(r.plugins.size());
            for (const auto& each : r.plugins) {
              json.item();
              json.begin_object();
              json.key("name"), json.text(each.name);
              json.key("version"), json.text(each.version);
              json.key("file"), json.text(each.file);
              names("rooms", each.rooms);
              names("services", each.services);
              json.key("loads"), json.natural(each.loads);
              json.end_object();
            }
            json.end_array();
            json.end_object();
            to->send_line(out);
          },
          [to](const caf::error&) {
            refuse(to, "the plugins' keeper is busy with a reload", codecs::error_code::timed_out);
          });
}

void state::reload(const peer_ptr& to, std::string plugin) {
  runtime::ask(self, ctx.plugins, plugins::reload_max, plugins::reload{std::move(plugin)})
      .then(
          [to](const plugins::reload::reply& r) {
            if (!r.why.empty()) return refuse(to, r.why);
            std::string out;
            codecs::json_writer json{out};
            json.begin_object();
            json.key("version"), json.text(r.version);
            json.key("rooms"), json.natural(r.rooms);
            json.key("services"), json.natural(r.services);
            json.key("left");
            json.begin_array(r.left.size());
            for (const auto& each : r.left) json.item(), json.text(each);
            json.end_array();
            json.end_object();
            to->send_line(out);
          },
          [to](const caf::error& why) { refuse(to, "the reload did not end: " + runtime::explain(why)); });
}

void state::announce(const peer_ptr& to, std::string text) {
  runtime::ask(self, ctx.sessions, limits::ask_timeout, session_directory::announce{"announcement", std::move(text)})
      .then(
          [to](const session_directory::announce::reply& r) {
            to->send_line("{\"sessions\":" + std::to_string(r.sessions) + "}");
          },
          [to](const caf::error&) {
            refuse(to, "the session directory does not answer", codecs::error_code::timed_out);
          });
}

void state::descend(const std::shared_ptr<walk>& on, const std::shared_ptr<branch>& into,
                    const caf::actor& supervisor) {
  ++on->open;
  auto done = [on] {
    if (--on->open == 0) on->finish();
  };
  runtime::ask(self, supervisor, limits::ask_timeout, describe{})
      .then(
          [this, on, into, done](const describe::reply& r) {
            into->here = r;
            into->below.resize(r.children.size());
            for (std::size_t i = 0; i < r.children.size(); ++i)
              if (r.children[i].kind == runtime::kind::supervisor && r.children[i].handle) {
                into->below[i] = std::make_shared<branch>();
                descend(on, into->below[i], r.children[i].handle);
              }
            done();
          },
          [done](const caf::error&) { done(); });
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, std::move(opts)); }

}  // namespace greenroom::admin
