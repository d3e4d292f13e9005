/// ADMIN_AUDIT is what the audit log says of the commands that come through admin.sock and change something: one line before the
/// command is carried out, one with how it ended before its answer leaves. Both are on disk first.
///
/// Threading: the admin's. Bounds: those of the command. Failure: where the audit log cannot be written, the command goes on.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "actors/admin.hpp"
#include "actors/audit.hpp"

namespace greenroom::admin_audit {

/// The line for a command that is about to be carried out; nothing: it changes nothing, or is none.
std::optional<audit_entry> deed_of(std::string_view line, const runtime::local_peer& from);

/// Runs its second argument when the entry is on disk.
using recorder = std::function<void(audit_entry, std::function<void()>)>;
/// In the client's place: each answer is recorded as the end of that deed, then passed on.
admin::peer_ptr witness(admin::peer_ptr client, audit_entry deed, recorder record);

}  // namespace greenroom::admin_audit
