// conformance: one node that answers as the published suites of Engine.IO, Socket.IO, Phoenix Channels, JSON-RPC and
// WebSocket presume. Written on the API that every extension's author has.
//
//   build/greenroom-conformance --listen 127.0.0.1:8080
//
// Anonymous clients on loopback may do everything; a token "bad" is refused at the handshake. What is stored is kept in
// --data DIR, else in a directory that goes with the program.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "actors/serve.hpp"
#include "examples/conformance/arithmetic.hpp"
#include "examples/conformance/channel.hpp"
#include "examples/conformance/chat.hpp"

namespace {

using namespace greenroom;
using namespace greenroom::conformance;

extensions everything() {
  extensions mine;
  mine.add(service<echo>("echo").serves("echo", &echo::on_message));
  auto sockets = service<chat>("chat").serves("/", &chat::on_event, &chat::on_open);
  mine.add(std::move(sockets)
               .serves("/custom", &chat::on_event, &chat::on_open)
               .serves("/auth", &chat::on_event, &chat::on_open));
  mine.add(service<arithmetic>("arithmetic")
               .answers("subtract", "The first without the second.", &arithmetic::subtract)
               .answers("sum", "All of them together.", &arithmetic::sum)
               .answers("get_data", "A text and a number.", &arithmetic::get_data)
               .answers("echo", "What it was given.", &arithmetic::echo)
               .answers("update", "Nothing.", &arithmetic::hear)
               .answers("notify_hello", "Nothing.", &arithmetic::hear)
               .answers("notify_sum", "Nothing.", &arithmetic::hear));
  mine.add_room<channel>("channel");
  mine.set_doorkeeper([](const visitor& who) -> std::optional<std::variant<principal, codecs::error>> {
    if (who.token == "bad") return codecs::make_error(codecs::error_code::unauthenticated, "this token is bad");
    if (who.token.empty()) return std::nullopt;
    return principal{user_id{who.user.empty() ? "guest" : who.user}, identity::anonymous};
  });
  return mine;
}

const std::vector<std::string> settings{
    "namespace.room.behaviour=channel",
    "namespace.room.presence=false",
    "namespace.presence.behaviour=channel",
    "namespace.presence.presence_interval_ms=10ms",
    "namespace.sio.presence=false",
    "namespace.sio.durable=true",
    "namespace.sio.history_count=1000",
    "endpoint.rpc.path=/rpc-ws",
    "endpoint.rpc.protocol=native",
    "endpoint.rpc.message_bytes_max=1MiB",
    "endpoint.echo.path=/echo",
    "endpoint.echo.protocol=websocket",
    "endpoint.echo.channel=echo",
    "endpoint.echo.message_bytes_max=16MiB",
    "endpoint.echo.fragments_max=65536",
    "endpoint.echo.compression_window_bits=15",
    "endpoint.echo1m.path=/echo-1m",
    "endpoint.echo1m.protocol=websocket",
    "endpoint.echo1m.channel=echo",
    "endpoint.echo1m.message_bytes_max=1MiB",
    "endpoint.echo1m.fragments_max=65536",
    "endpoint.echo1m.compression_window_bits=15",
    "endpoint.engineio.path=/engine.io/",
    "endpoint.engineio.protocol=engineio",
    "endpoint.engineio.channel=echo",
    "endpoint.recovery.path=/recovery/socket.io/",
    "endpoint.recovery.protocol=socketio",
    "endpoint.msgpack.path=/msgpack/socket.io/",
    "endpoint.msgpack.protocol=socketio",
    "endpoint.msgpack.parser=msgpack",
    "endpoint.msgpack.recovery=false",
    "endpoint.socketio.recovery=false",
    "endpoint.phoenix.topics=room:*,presence:*",
    "endpoint.phoenix.message_bytes_max=1MiB",
};

/// A directory of its own, gone with it.
struct scratch {
  std::filesystem::path path;
  scratch() {
    auto pattern = (std::filesystem::temp_directory_path() / "greenroom-conformance-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"A node that answers as the published protocol suites presume."};
  serve_options options;
  options.dev = true;
  add_serve_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : static_cast<int>(serve_exit::usage);
  }
  auto set = settings;
  for (const std::string name : {"engineio", "socketio", "recovery", "msgpack"}) {
    const auto at = "endpoint." + name + '.';
    set.insert(set.end(), {at + "ping_interval_ms=300ms", at + "ping_timeout_ms=200ms", at + "connect_timeout_ms=1s",
                           at + "message_bytes_max=1000000"});
  }
  options.set.insert(options.set.begin(), set.begin(), set.end());
  std::optional<scratch> own;
  if (options.data.empty()) options.data = own.emplace().path.string();
  return static_cast<int>(serve(options, "conformance", everything()));
}
