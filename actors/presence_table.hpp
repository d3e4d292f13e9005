/// PRESENCE_TABLE is who of one shard's users is there, what each of them shows, who watches whom, and which watched
/// user has changed since the watchers were told.
///
///   arrive, depart ──▶ users ──▶ state_of(), page()
///                        └─────▶ watched and another than before ──▶ take()      a batch
///
/// A user is there while one of its sessions is, and shows what the newest `presence.set` of those says.
///
/// Pure: no actor and no clock. Bounds: sessions of the node; `watchers_max` watchers a user; what a watcher watches is
/// bounded by its session; users who are gone: last_seen.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/ids.hpp"
#include "actors/last_seen.hpp"
#include "codecs/outcome.hpp"

namespace greenroom {

/// What a session shows of its user.
struct presence_words {
  std::string status, location;
  codecs::payload_ptr meta;
  std::int64_t stamp = 0;  ///< orders what a user's sessions have set; 0: nothing
};
using presence_words_ptr = std::shared_ptr<const presence_words>;

/// The same for states that tell a client the same; never 0. When a user was last seen counts only while it is away.
std::uint64_t digest_of(const codecs::results::presence_state& state);

/// Names a watcher to whoever asks the table: the id of its actor.
using watcher_id = std::uint64_t;

class presence_table {
 public:
  presence_table(last_seen& away, std::size_t watchers_max) : away_{away}, watchers_max_{watchers_max} {}

  /// The session is there, or shows something else; `words` may be null.
  void arrive(const user_id& user, const session_id& session, presence_words_ptr words, std::int64_t now_ms);
  void depart(const user_id& user, const session_id& session, std::int64_t now_ms);
  /// Everybody leaves, and nobody is told: the table ends.
  void depart_all(std::int64_t now_ms);

  codecs::results::presence_state state_of(std::string_view user, std::int64_t now_ms) const;
  std::size_t online() const noexcept { return users_.size(); }
  /// Adds to a page that other tables have begun: their names, in order, and the total.
  void page(std::string_view after, std::size_t count_max, codecs::results::online& into) const;

  /// False: the user is watched by as many as may be.
  bool watch(watcher_id who, const std::string& user);
  void unwatch(watcher_id who, const std::string& user);
  void forget(watcher_id who);
  std::size_t watches() const noexcept { return watches_; }

  struct change {
    std::string user;
    codecs::results::presence_state now;
    std::vector<watcher_id> watchers;
  };
  bool has_changes() const noexcept { return !touched_.empty(); }
  /// What is another than at the last call; a user who came and went again is not.
  std::vector<change> take(std::int64_t now_ms);

 private:
  struct entry {
    session_id session;
    presence_words_ptr words;
  };
  void touch(const std::string& user, std::int64_t now_ms);

  last_seen& away_;
  std::size_t watchers_max_;
  std::map<std::string, std::vector<entry>, std::less<>> users_;  ///< in the order of their names
  std::unordered_map<std::string, std::set<watcher_id>> watchers_;
  std::unordered_map<watcher_id, std::set<std::string>> watched_;
  std::size_t watches_ = 0;
  std::map<std::string, std::uint64_t> touched_;  ///< watched users, with their digest in the batch before
};

}  // namespace greenroom
