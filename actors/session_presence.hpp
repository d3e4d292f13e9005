/// SESSION_PRESENCE is a session's part in presence: it says that its user is there and what the session shows, asks for
/// the users whom it watches, and hands what it hears to the client, once each and in order with its answers.
///
/// A client that reads slowly gets fewer and newer states: while its outbox is half full, only the newest of each user
/// is kept. What a client was told counts once a ping proves that it has arrived (watches.hpp).
///
/// Threading: its session's; a member of that actor's State. Bounds: config presence.watches_max users.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/presence.hpp"
#include "actors/session.hpp"

namespace greenroom {

class session_presence {
 public:
  /// `save` stores the session: what it shows and whom it watches is in the store before its client hears so.
  session_presence(runtime::actor_base* self, const session::options& opts, std::function<void()> save);

  /// A life begins: what the one before had asked for is asked for again.
  void begin();
  void opened();  ///< The client has its answer: it is told what has changed while it was away.
  void rest();    ///< The client is gone, the session is not.
  void move();    ///< The session goes on in another actor.
  void register_again(std::size_t shard);

  void set(const session::set_presence& m);
  void watch(const session::watch& m);
  void unwatch(const session::unwatch& m);
  void hear(const session::seen& m);
  void send_late();                   ///< The outbox may have drained.
  void ask_again(std::size_t shard);  ///< A question to that shard was not answered.

 private:
  /// A presence.watch whose answers come from several shards.
  struct question {
    answer reply;
    std::vector<std::string> fresh;  ///< users that were not watched before
    std::map<std::string, presence::change_ptr> now;
    std::size_t open = 0;
    bool refused = false;
  };
  using by_shard = std::vector<std::vector<std::string>>;

  by_shard split(const std::vector<std::string>& users) const;
  void track(presence::registration why, const answer& reply);
  void ask(const std::shared_ptr<question>& what, std::size_t shard, std::vector<std::string> users);
  void settle(const std::shared_ptr<question>& what);
  void send(const presence::change_ptr& what);
  context& ctx() const { return opts_.ctx; }
  session::record& keep() const { return *opts_.keep; }
  bool attached() const { return keep().client && !keep().opening; }
  watches& watched() { return keep().rooms->watched; }

  runtime::actor_base* self_;
  const session::options& opts_;
  std::function<void()> save_;
  struct unfinished {
    std::vector<std::shared_ptr<question>> questions;
    std::map<std::string, presence::change_ptr> late;  ///< what the outbox had no space for, the newest of each user
  };
  unfinished& open() { return *(unfinished_ ? unfinished_ : unfinished_ = std::make_unique<unfinished>()); }
  std::unique_ptr<unfinished> unfinished_;  ///< null until the client watches somebody
};

}  // namespace greenroom
