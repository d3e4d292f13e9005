#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

#include "actors/gateway.hpp"
#include "codecs/transcode.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {

// --- JSON at hand

std::uint64_t number(const json& of, std::string_view member) { return of.at(member).to_number<std::uint64_t>(); }
std::string text(const json& of, std::string_view member) { return std::string{of.at(member).as_string()}; }
std::string dump(const json& what) { return boost::json::serialize(what); }
std::string dump(const json& of, std::string_view member) {
  const auto* found = of.as_object().if_contains(member);
  return found ? dump(*found) : "-";
}
numbers range(std::uint64_t first, std::uint64_t last) {
  numbers all;
  for (auto i = first; i <= last; ++i) all.push_back(i);
  return all;
}

// --- what a client says and hears

client::client(node_fixture& node, const settings& how)
    : node_{node},
      how_{how},
      peer_{std::make_shared<greenroom::peer>(node.ctx(), how.shard, codecs::make_native_dialogue(how.codec))},
      wire_{std::make_shared<fake_transport>(*peer_, how.outbox, how.agreed, how.window_bits)} {
  peer_->attach(wire_);
  runtime::tell(node.ctx().shards[how.shard].gateway,
                gateway::opened{.client = peer_, .from = how.from, .admitted = how.admitted});
}

std::uint64_t client::send(std::string_view method, std::string_view params) {
  return send_as(how_.codec == codecs::codec_id::native_json ? codecs::format::json : codecs::format::msgpack, method,
                 params);
}

std::uint64_t client::send_as(codecs::format as, std::string_view method, std::string_view params) {
  asked_.emplace(++last_id_, method);
  wire_->say(as == codecs::format::json ? runtime::frame_kind::text : runtime::frame_kind::binary,
             codecs::encode_request(as, last_id_, method, params));
  return last_id_;
}

void client::notify(std::string_view method, std::string_view params) {
  wire_->say(runtime::frame_kind::text, codecs::encode_request(codecs::format::json, std::nullopt, method, params));
}

void client::answer(std::string_view request, std::string_view result) {
  say(R"({"jsonrpc":"2.0","id":)" + std::string{request} + R"(,"result":)" + std::string{result} + '}');
}

void client::fail(std::string_view request, int code, std::string_view message) {
  say(R"({"jsonrpc":"2.0","id":)" + std::string{request} + R"(,"error":)" +
      dump(json{{"code", code}, {"message", message}}) + '}');
}

void client::say(std::string_view text) { wire_->say(runtime::frame_kind::text, text); }

const client::heard& client::settled(std::uint64_t id) {
  node_.settle();
  read();
  auto found = std::find_if(heard_.begin(), heard_.end(), [id](const heard& each) { return each.id == id; });
  if (found == heard_.end()) FAIL(asked_.at(id) << " was not answered");
  return *found;
}

json client::call(std::string_view method, std::string_view params) {
  const auto& answer = settled(send(method, params));
  if (answer.failure)
    FAIL(method << ' ' << params << ": " << static_cast<int>(answer.failure->code) << ' ' << answer.failure->message);
  return answer.body;
}

codecs::error client::refused(std::string_view method, std::string_view params) {
  const auto& answer = settled(send(method, params));
  if (!answer.failure) FAIL(method << ' ' << params << " was not refused: " << dump(answer.body));
  return *answer.failure;
}

json client::open(std::string_view user) { return call("session.open", dump(json{{"user", user}})); }
json client::join(std::string_view room) { return call("room.join", dump(json{{"room", room}})); }
json client::publish(std::string_view room, std::string_view payload) {
  return call("room.publish", dump(json{{"room", room}, {"event", "say"}, {"payload", payload}}));
}
json client::resume(const json& was, std::string_view positions) {
  json resume{{"session", was.at("session")}, {"token", was.at("resume_token")}};
  if (!positions.empty()) resume.as_object()["positions"] = boost::json::parse({positions.data(), positions.size()});
  return call("session.open", dump(json{{"resume", std::move(resume)}}));
}

void client::read() {
  for (auto& frame : wire_->take_frames()) {
    if (frame.what == fake_transport::opcode::close) {
      heard end{.id = {}, .method = "close", .request = {}, .body = {}, .failure = {}, .in = codecs::format::json};
      end.body =
          std::to_string(static_cast<std::uint8_t>(frame.body[0]) << 8 | static_cast<std::uint8_t>(frame.body[1])) +
          ' ' + frame.body.substr(2);
      heard_.push_back(std::move(end));
      continue;
    }
    const auto in = frame.what == fake_transport::opcode::text ? codecs::format::json : codecs::format::msgpack;
    auto as_json = in == codecs::format::json ? std::optional{frame.body} : codecs::transcode(in, frame.body);
    if (!as_json) FAIL("the node sent what is no document");
    const auto document = boost::json::parse(*as_json);
    const bool batch = document.is_array();
    if (batch) heard_.push_back({.id = {}, .method = "[", .request = {}, .body = {}, .failure = {}, .in = in});
    if (batch)
      for (const auto& each : document.as_array()) read_document(in, each, frame.compressed);
    else
      read_document(in, document, frame.compressed);
    if (batch) heard_.push_back({.id = {}, .method = "]", .request = {}, .body = {}, .failure = {}, .in = in});
  }
}

void client::read_document(codecs::format in, const json& what, bool compressed) {
  auto message = codecs::decode_incoming(codecs::format::json, dump(what));
  if (!message) FAIL("the node sent what is no JSON-RPC message: " << dump(what));
  heard one{.id = message->id,
            .method = std::move(message->method),
            .request = std::move(message->request),
            .body = {},
            .failure = {},
            .in = in,
            .compressed = compressed};
  if (one.id) one.method = asked_.contains(*one.id) ? asked_.at(*one.id) : "?";
  if (message->body) one.body = boost::json::parse(std::string{message->body->as(codecs::format::json)});
  one.failure = std::move(message->failure);
  heard_.push_back(std::move(one));
}

std::vector<client::heard> client::take() {
  read();
  return std::exchange(heard_, {});
}

std::vector<client::heard> client::messages(std::string_view room) {
  auto all = take();
  std::erase_if(all, [&](const heard& each) {
    return each.method != "room.message" || each.answer() || text(each.body, "room") != room;
  });
  return all;
}

numbers client::seqs(std::string_view room) {
  numbers all;
  for (const auto& each : messages(room)) all.push_back(number(each.body, "seq"));
  return all;
}

strings client::story() {
  strings all;
  for (const auto& each : take()) {
    const auto& [id, method, request, body, failure, in, compressed] = each;
    if (method == "room.presence" || method == "presence.changed") continue;
    if (!request.empty())
      all.push_back(method + "? " + request + ' ' + dump(body));
    else if (failure)
      all.push_back((method.empty() ? "?" : method) + ' ' + std::to_string(static_cast<int>(failure->code)));
    else if (id)
      all.push_back(method + " ok");
    else if (method == "room.message")
      all.push_back(text(body, "room") + ' ' + dump(body, "seq") + ' ' + dump(body, "payload"));
    else if (method == "room.notice" && body.as_object().contains("from"))
      all.push_back(text(body, "room") + ' ' + text(body, "code") + ' ' + dump(body, "from") + ".." + dump(body, "to"));
    else if (method == "room.notice")
      all.push_back(text(body, "room") + ' ' + text(body, "code"));
    else if (method == "inbox.message")
      all.push_back("inbox " + dump(body, "n") + ' ' + dump(body, "payload"));
    else if (method == "inbox.acked")
      all.push_back("inbox acked " + dump(body, "upto"));
    else if (method == "session.notice")
      all.push_back("notice " + text(body, "code"));
    else if (method == "close")
      all.push_back("close " + std::string{body.as_string()});
    else
      all.push_back(method);
  }
  return all;
}

}  // namespace greenroom::tests
