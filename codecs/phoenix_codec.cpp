#include "codecs/codec_table.hpp"
#include "codecs/json_writer.hpp"
#include "codecs/phoenix_topics.hpp"
#include "codecs/rpc_writer.hpp"

namespace greenroom::codecs {
namespace phoenix {
namespace {

/// Puts a push where its topic's listeners are.
class speaker {
 public:
  explicit speaker(topic_table* topics) : topics_{topics} {}

  void operator()(const pushes::room_notice& p) {
    if (p.code != "removed" && p.code != "closed" && p.code != "forbidden")
      return native(p.room, "greenroom_notice", p);
    const auto* join = listener(p.room);
    if (join == nullptr) return;
    append_end(out_, *join, p.room, p.code == "closed" ? "phx_error" : "phx_close", p.text);
    if (topics_ != nullptr) topics_->erase(p.room);
  }
  void operator()(const pushes::room_push& p) { document(p.room, p.event, p.payload); }
  void operator()(const pushes::room_people& p) {
    if (const auto* join = listener(p.room))
      append_text(out_, *join, {}, p.room, "presence_state", presence_of(p.users));
  }
  void operator()(const pushes::room_changes& p) {
    const auto* join = listener(p.room);
    if (join == nullptr || (p.fresh.empty() && p.gone.empty())) return;
    const auto diff = R"({"joins":)" + presence_of(p.fresh) + R"(,"leaves":)" + presence_of(p.gone) + '}';
    append_text(out_, *join, {}, p.room, "presence_diff", diff);
  }
  void operator()(const pushes::inbox_message& p) {
    if (const auto topic = inbox(); !topic.empty()) native(topic, "message", p);
  }
  void operator()(const pushes::inbox_acked& p) {
    if (const auto topic = inbox(); !topic.empty()) native(topic, "acked", p);
  }
  void operator()(const pushes::notification& p) {
    document(p.channel.empty() ? methods_topic : std::string_view{p.channel}, p.method, p.params);
  }
  void operator()(const auto& p) { native(methods_topic, method_of(push{p}), p); }

  std::string take() { return std::move(out_); }

 private:
  /// The join_ref of who hears that topic; null where nobody does.
  const ref* listener(std::string_view topic) const {
    static const ref everybody;
    if (topics_ == nullptr) return &everybody;
    const auto found = topics_->find(topic);
    const bool hears = found != topics_->end() && found->second.is != joined_topic::phase::crashed;
    return hears ? &found->second.join : nullptr;
  }
  /// A socket has joined its own user's only; empty where none, and where it is for everybody.
  std::string_view inbox() const {
    if (topics_ == nullptr) return {};
    const auto found = topics_->lower_bound(inbox_prefix);
    return found != topics_->end() && found->first.starts_with(inbox_prefix) ? found->first : std::string_view{};
  }
  void document(std::string_view topic, std::string_view event, const payload_ptr& what) {
    if (const auto* join = listener(topic)) append_push(out_, *join, topic, event, what);
  }
  /// The same params as in the native protocol.
  void native(std::string_view topic, std::string_view event, const auto& p) {
    const auto* join = listener(topic);
    if (join == nullptr) return;
    std::string params;
    append_params(format::json, push{p}, params);
    append_text(out_, *join, {}, topic, event, params);
  }

  topic_table* topics_;
  std::string out_;
};

/// Phoenix Channels, serializer v2: the half that all its clients share.
class shared_half final : public codec {
 public:
  explicit shared_half(codec_id id) : id_{id} {}

  codec_id id() const noexcept override { return id_; }
  void encode_broadcast(const envelope& message, std::string& out) const override { append_message(out, message); }
  void end_turn(const envelope& last, std::string& out) const override {
    if (id_ == codec_id::phoenix_positions) append_position(out, last);
  }
  std::string encode_push(const push& what) const override { return say(what, nullptr); }

 private:
  codec_id id_;
};

}  // namespace

topic_sort sort_of(std::string_view topic) noexcept {
  if (topic == methods_topic) return topic_sort::greenroom;
  if (topic.starts_with(service_prefix)) return topic_sort::service;
  if (topic.starts_with(inbox_prefix)) return topic_sort::inbox;
  return topic_sort::room;
}

bool matches(std::string_view pattern, std::string_view topic) noexcept {
  if (!pattern.ends_with('*')) return pattern == topic;
  pattern.remove_suffix(1);
  return topic.starts_with(pattern);
}

std::string say(const push& what, topic_table* topics) {
  speaker to{topics};
  std::visit(to, what);
  return to.take();
}

}  // namespace phoenix

std::unique_ptr<const codec> make_phoenix_codec(codec_id id) { return std::make_unique<phoenix::shared_half>(id); }

}  // namespace greenroom::codecs
