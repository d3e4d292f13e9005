#include "actors/admin_audit.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "codecs/document.hpp"
#include "runtime/local_socket.hpp"

namespace greenroom::admin_audit {
namespace {

struct deed {
  std::string_view command, action;
};
constexpr std::array deeds{
    deed{"announce", "admin.announce"},
    deed{"reload", "admin.plugin_reload"},
    deed{"queue_replay", "admin.queue_replay"},
    deed{"queue_purge", "admin.queue_purge"},
    deed{"dead_replay", "admin.dead_replay"},
    deed{"dead_purge", "admin.dead_purge"},
    deed{"backup", "admin.backup"},
    deed{"key_add", "admin.key_add"},
    deed{"key_revoke", "admin.key_revoke"},
    deed{"revoke", "admin.revoke"},
    deed{"revoke_undo", "admin.revoke_undo"},
    deed{"secret_put", "admin.secret_put"},
    deed{"secret_erase", "admin.secret_erase"},
    deed{"secret_rotate", "admin.secret_rotate"},
};

std::string text_of(const codecs::value& in, std::string_view member) {
  const auto* found = codecs::find(in, member);
  return found && found->is(codecs::kind::text) ? std::string{found->text()} : std::string{};
}

class witnessed final : public runtime::local_peer {
 public:
  witnessed(admin::peer_ptr client, audit_entry deed, recorder record)
      : client_{std::move(client)}, deed_{std::move(deed)}, record_{std::move(record)} {}

  void send_line(std::string_view line) override {
    auto end = deed_;
    codecs::borrowed_document answer;
    const bool is_read = !answer->read(codecs::format::json, line) && answer->root().is(codecs::kind::object);
    end.reason = is_read ? text_of(answer->root(), "error") : std::string{};
    end.decision = end.reason.empty() ? audit_decision::done : audit_decision::refused;
    record_(std::move(end), [to = client_, line = std::string{line}] { to->send_line(line); });
  }
  void close() override { client_->close(); }
  std::int64_t user() const override { return client_->user(); }
  std::int64_t process() const override { return client_->process(); }

 private:
  admin::peer_ptr client_;
  audit_entry deed_;
  recorder record_;
};

}  // namespace

std::optional<audit_entry> deed_of(std::string_view line, const runtime::local_peer& from) {
  codecs::borrowed_document input;
  if (input->read(codecs::format::json, line) || !input->root().is(codecs::kind::object)) return std::nullopt;
  const auto command = text_of(input->root(), "command");
  const auto found = std::ranges::find(deeds, command, &deed::command);
  if (found == deeds.end()) return std::nullopt;
  audit_entry entry{.what = audit_kind::administration, .decision = audit_decision::allowed, .action = found->action};
  entry.user = from.user() < 0 ? "unknown" : "uid:" + std::to_string(from.user());
  entry.peer = "admin.sock";
  if (from.process() > 0) entry.detail = "pid " + std::to_string(from.process());
  for (const auto* member : {"user", "room", "plugin", "file", "id", "name"})
    if (auto target = text_of(input->root(), member); entry.target.empty()) entry.target = std::move(target);
  if (const auto kind = text_of(input->root(), "kind"); !kind.empty()) entry.target = kind + " " + entry.target;
  return entry;
}

admin::peer_ptr witness(admin::peer_ptr client, audit_entry deed, recorder record) {
  return std::make_shared<witnessed>(std::move(client), std::move(deed), std::move(record));
}

}  // namespace greenroom::admin_audit
