#include "tests/bench/speech.hpp"

#include <array>
#include <charconv>
#include <stdexcept>
#include <utility>

#include "tests/bench/load_client.hpp"

namespace greenroom::bench {
namespace {

std::string room_name(std::uint32_t room) { return "bench-" + std::to_string(room); }
std::string own_subject(std::uint32_t caller) { return "own-" + std::to_string(caller); }

// --- nats-server: https://docs.nats.io/reference/reference-protocols/nats-protocol

std::string nats_subscribe(const std::string& subject) {
  return masked("SUB " + subject + " 1\r\nPING\r\n", opcode::binary);  // what is answered is the PING
}
std::string nats_publish(const std::string& subject, const std::string& payload) {
  return masked("PUB " + subject + " " + std::to_string(payload.size()) + "\r\n" + payload + "\r\n", opcode::binary);
}

cut next_of_nats(std::string_view bytes) {
  static const std::string pong = masked("PONG\r\n", opcode::binary);
  const auto end = bytes.find("\r\n");
  if (end == bytes.npos) return {};
  const auto line = bytes.substr(0, end);
  if (line.starts_with("-ERR")) throw std::runtime_error{"nats-server refuses: " + std::string{line}};
  if (line.starts_with("PING")) return {.bytes = end + 2, .counts = false, .answer = pong};
  if (!line.starts_with("MSG ")) return {.bytes = end + 2};
  std::size_t payload = 0;  // MSG subject sid [reply] bytes
  const auto number = line.substr(line.rfind(' ') + 1);
  std::from_chars(number.data(), number.data() + number.size(), payload);
  const auto whole = end + 2 + payload + 2;
  return {.bytes = bytes.size() < whole ? 0 : whole};
}

// --- MQTT 3.1.1, quality of service 0

std::string mqtt_text(std::string_view text) {
  return std::string{static_cast<char>(text.size() >> 8), static_cast<char>(text.size() & 0xff)}.append(text);
}
std::string mqtt_packet(unsigned char first, const std::string& rest) {
  constexpr std::size_t digit = 128;
  std::string packet{static_cast<char>(first)};
  for (auto left = rest.size(); packet.size() == 1 || left > 0; left /= digit)
    packet += static_cast<char>(left % digit + (left >= digit ? digit : 0));
  return masked(packet + rest, opcode::binary);
}
std::string mqtt_connect(const std::string& user) {
  using namespace std::string_literals;
  return mqtt_packet(0x10, "\0\4MQTT\4\2\0\0"s + mqtt_text(user));  // level 4, clean session, no keep-alive
}
std::string mqtt_subscribe(const std::string& topic) {
  return mqtt_packet(0x82, std::string{'\0', '\1'} + mqtt_text(topic) + '\0');
}
std::string mqtt_publish(const std::string& topic, const std::string& payload) {
  return mqtt_packet(0x30, mqtt_text(topic) + payload);
}

cut next_of_mqtt(std::string_view bytes) {
  constexpr std::size_t digits_max = 4, bits = 7;
  std::size_t length = 0;
  for (std::size_t i = 0; i < digits_max && i + 1 < bytes.size(); ++i) {
    const auto digit = static_cast<unsigned char>(bytes[i + 1]);
    length |= std::size_t{digit & 0x7fU} << (bits * i);
    if ((digit & 0x80U) != 0) continue;
    const auto whole = i + 2 + length;
    return {.bytes = bytes.size() < whole ? 0 : whole};
  }
  return {};
}

std::string rpc_frame(std::uint64_t id, const std::string& method, const std::string& params) {
  return masked(R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + method + R"(","params":)" +
                params + "}");
}

}  // namespace

speech speech_named(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, speech>, 9> names{{{"native", speech::native},
                                                                             {"msgpack", speech::msgpack},
                                                                             {"socketio", speech::socketio},
                                                                             {"phoenix", speech::phoenix},
                                                                             {"floor", speech::floor},
                                                                             {"ws", speech::ws},
                                                                             {"npm", speech::npm},
                                                                             {"nats", speech::nats},
                                                                             {"mqtt", speech::mqtt}}};
  for (const auto& [text, how] : names)
    if (text == name) return how;
  throw std::invalid_argument{"no client speaks " + std::string{name}};
}

std::string caller_path(speech how) {
  switch (how) {
    case speech::native:
    case speech::msgpack: return "/ws";
    case speech::phoenix: return "/socket/websocket?vsn=2.0.0";
    case speech::socketio:
    case speech::npm: return "/socket.io/?EIO=4&transport=websocket";
    case speech::mqtt: return "/mqtt";
    case speech::floor: return "/echo";
    case speech::ws:
    case speech::nats: break;
  }
  return "/";
}
std::string member_path(speech how, std::uint32_t room) {
  return how == speech::floor ? "/member/" + std::to_string(room) : caller_path(how);
}
std::string publisher_path(speech how) { return how == speech::floor ? "/publish" : caller_path(how); }

std::string_view subprotocol_of(speech how) {
  switch (how) {
    case speech::native: return "greenroom.json.1";
    case speech::msgpack: return "greenroom.msgpack.1";
    case speech::mqtt: return "mqtt";
    default: return {};
  }
}

std::uint64_t greetings_of(speech how) {
  return how == speech::socketio || how == speech::npm || how == speech::nats ? 1 : 0;
}

std::string open_frame(speech how, const std::string& user) {
  switch (how) {
    case speech::phoenix: return masked(R"([null,"1","phoenix","heartbeat",{}])");
    case speech::socketio:
    case speech::npm: return masked("40");
    case speech::ws: return masked(R"({"hello":")" + user + R"("})");
    case speech::nats: return masked("CONNECT {\"verbose\":false}\r\nPING\r\n", opcode::binary);
    case speech::mqtt: return mqtt_connect(user);
    case speech::native:
    case speech::msgpack:
    case speech::floor: break;
  }
  return rpc_frame(0, "session.open", R"({"user":")" + user + R"("})");
}

bool opens_first(speech how) { return how == speech::socketio || how == speech::npm || is_stream(how); }

std::string join_frame(speech how, std::uint32_t room) {
  const auto name = room_name(room);
  switch (how) {
    case speech::phoenix: return masked(R"(["1","1",")" + name + R"(","phx_join",{}])");
    case speech::socketio: return masked(R"(420["room.join",{"room":")" + name + R"("}])");
    case speech::npm: return masked(R"(420["join",")" + name + R"("])");
    case speech::ws: return masked(R"({"join":")" + name + R"("})");
    case speech::nats: return nats_subscribe(name);
    case speech::mqtt: return mqtt_subscribe(name);
    case speech::native:
    case speech::msgpack:
    case speech::floor: break;
  }
  return rpc_frame(0, "room.join", R"({"room":")" + name + R"("})");
}

std::string publish_frame(speech how, std::uint32_t room, std::uint64_t id, const std::string& payload) {
  const auto name = room_name(room), number = std::to_string(id);
  const auto params = [&] { return R"({"room":")" + name + R"(","event":"bench","payload":)" + payload + '}'; };
  switch (how) {
    case speech::phoenix: return masked(R"(["1",")" + number + R"(",")" + name + R"(","bench",)" + payload + ']');
    case speech::socketio: return masked("42" + number + R"(["room.publish",)" + params() + ']');
    case speech::npm: return masked("42" + number + R"(["publish",")" + name + R"(",)" + payload + ']');
    case speech::ws: return masked(R"({"publish":")" + name + R"(","payload":)" + payload + '}');
    case speech::floor: return masked(std::to_string(room) + ' ' + payload);
    case speech::nats: return nats_publish(name, payload);
    case speech::mqtt: return mqtt_publish(name, payload);
    case speech::native:
    case speech::msgpack: break;
  }
  return rpc_frame(id, "room.publish", params());
}

std::string before_calls_frame(speech how, std::uint32_t caller) {
  if (how == speech::nats) return nats_subscribe(own_subject(caller));
  return how == speech::mqtt ? mqtt_subscribe(own_subject(caller)) : std::string{};
}

std::string call_frame(speech how, std::uint32_t caller, std::uint64_t id, const std::string& payload) {
  switch (how) {
    case speech::npm: return masked("42" + std::to_string(id) + R"(["echo",)" + payload + ']');
    case speech::ws: return masked(R"({"echo":)" + payload + '}');
    case speech::nats: return nats_publish(own_subject(caller), payload);
    case speech::mqtt: return mqtt_publish(own_subject(caller), payload);
    case speech::native:
    case speech::msgpack:
    case speech::floor: return rpc_frame(id, "echo.anything", R"({"text":)" + payload + '}');
    case speech::socketio:
    case speech::phoenix: break;
  }
  throw std::invalid_argument{"these clients do not call"};
}

cut next_message(speech how, std::string_view bytes) {
  if (bytes.empty()) return {};
  return how == speech::nats ? next_of_nats(bytes) : next_of_mqtt(bytes);
}

}  // namespace greenroom::bench
