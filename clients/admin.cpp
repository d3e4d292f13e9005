#include "clients/admin.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <optional>

#include "clients/failure.hpp"
#include "clients/json_text.hpp"
#include "clients/limits.hpp"

namespace greenroom::clients {
namespace asio = boost::asio;
using asio::local::stream_protocol;
using boost::system::error_code;

namespace {

stream_protocol::endpoint endpoint_of(const std::filesystem::path& socket) try {
  return stream_protocol::endpoint{socket.string()};
} catch (const boost::system::system_error&) {
  throw failure{errc::unreachable, "the path " + socket.string() + " is too long for a local socket"};
}

}  // namespace

std::string ask_node(const std::filesystem::path& socket, std::string_view request, std::chrono::milliseconds timeout) {
  asio::io_context io{1};
  stream_protocol::socket peer{io};
  error_code error;
  peer.connect(endpoint_of(socket), error);
  if (error)
    throw failure{errc::unreachable, "no node answers at " + socket.string() + ": " + error.message() +
                                         " (is it running, and is --data its directory?)"};
  std::string line{request}, answer;
  line += '\n';
  std::optional<error_code> over;
  asio::async_write(peer, asio::buffer(line), [&](error_code failed, std::size_t) {
    if (failed) return void(over = failed);
    asio::async_read_until(peer, asio::dynamic_buffer(answer, limits::admin_answer_bytes_max), '\n',
                           [&](error_code done, std::size_t) { over = done; });
  });
  io.run_for(timeout);
  if (!over) {
    peer.close(error);
    io.restart();
    io.run();  // the handlers refer to what stands above
    throw failure{errc::timed_out, "the node did not answer in time"};
  }
  if (over == asio::error::not_found) throw failure{errc::garbled, "the node's answer has no end"};
  if (*over) throw failure{errc::closed, "the node closed its administration socket: " + over->message()};
  answer.resize(answer.find('\n'));
  return answer;
}

std::string ask_node_in(const std::filesystem::path& data_dir, std::string_view request,
                        std::chrono::milliseconds timeout) {
  auto answer = ask_node(data_dir / "admin.sock", request, timeout);
  const object_members reply{answer};
  if (reply.raw("error").empty()) return answer;
  const auto code = reply.raw("code");
  auto number = static_cast<int>(codecs::error_code::conflict);
  std::from_chars(code.data(), code.data() + code.size(), number);
  throw refusal{codecs::make_error(static_cast<codecs::error_code>(number), reply.text("error"))};
}

}  // namespace greenroom::clients
