/// What a caller is told when the store does not take its message.
#pragma once
#include "actors/answer.hpp"
#include "codecs/outcome.hpp"
#include "storage/errc.hpp"

namespace greenroom {

/// Everything but errc::outcome_unknown means "not stored"; that one is -32603: retry with the same id.
codecs::error refusal(storage::errc why);

/// `durable` was asked of an ephemeral room.
codecs::error cannot_be_durable();
/// More waits for the disk than may.
codecs::error disk_is_behind();
/// The node is so near its memory's end that it stores nothing.
codecs::error memory_is_short();

/// The same, said to the caller; where the outcome is unknown its connection is closed instead, without an answer.
void refuse(const answer& to, storage::errc why);

}  // namespace greenroom
