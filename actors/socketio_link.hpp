/// SOCKETIO_LINK shares one Engine.IO session among the namespaces of Socket.IO that its client has joined: a packet
/// goes to the peer of its namespace, a CONNECT makes one.
///
///   CONNECT ──▶ joining ──session opened──▶ joined ──DISCONNECT, by either side──▶ (gone)
///                  └──refused: CONNECT_ERROR──▶ (gone)
///
/// A client that has said DISCONNECT may say CONNECT at once: the older channel goes on until its session has ended.
/// What is no packet, or comes where it may not (a CONNECT to a namespace that is joined, an event for a namespace that
/// is not joined, text where an attachment is due), closes the session. What is still on its way to a namespace that the
/// server has left is ignored.
///
/// Lifecycle: the session's user, made with it. Threading: the session's shard.
/// Bounds: one channel a namespace, and no others than the config and the services name; limits::namespaces_leaving_max
///   beside them, over which the session closes; connectTimeout.
#pragma once
#include <caf/actor.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "actors/access.hpp"
#include "actors/endpoint.hpp"
#include "actors/engineio_channel.hpp"
#include "codecs/socketio.hpp"

namespace greenroom {

class socketio_channel;

codecs::encoding socketio_encoding(const runtime::endpoint_config& how) noexcept;
/// Nothing where there are as many codecs as there may be.
std::optional<codecs::codec_id> socketio_codec_of(const runtime::endpoint_config& how, std::string_view nsp);

class socketio_link final : public engineio_user, private runtime::timer {
 public:
  /// `session` owns it.
  socketio_link(engineio_session& session, const endpoint_place& at, access::origin from);
  ~socketio_link() override;

 private:
  friend class socketio_channel;

  void on_message(runtime::frame_kind kind, std::string_view bytes) override;
  void on_ping(std::uint64_t ping) override;
  void on_pong(std::uint64_t ping) override;
  void on_drained() override;
  runtime::frame on_gap(const runtime::gap& lost) override;
  void on_closed(const runtime::close_info& how) override;
  void on_timer() override;

  bool serves(std::string_view nsp) const;
  void connect(std::string_view nsp, std::string_view packet);
  void deliver(socketio_channel* to, runtime::frame_kind kind, std::string_view bytes);
  void refuse(std::string_view nsp);
  void malformed();
  void say(const std::string& frames);
  codecs::socketio_address address(std::string_view nsp) const { return {parser_, std::string{nsp}}; }
  runtime::frame_kind packet_kind() const noexcept;
  void forget(socketio_channel& which, bool by_server);
  std::vector<std::shared_ptr<socketio_channel>> all() const;

  engineio_session& session_;
  endpoint_place at_;
  access::origin from_;
  codecs::encoding parser_;
  std::map<std::string, socketio_channel*, std::less<>> channels_;  ///< each takes itself out
  std::set<socketio_channel*> leaving_;      ///< by the client, which may come again meanwhile; each takes itself out
  std::set<std::string, std::less<>> left_;  ///< by the server; the client may not know yet
  std::weak_ptr<socketio_channel> attachments_to_;
  std::uint32_t attachments_due_ = 0;
};

}  // namespace greenroom
