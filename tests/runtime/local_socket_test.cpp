#include "runtime/local_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <catch2/catch.hpp>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>
#include <vector>

#include "runtime/unique_fd.hpp"
#include "tests/support/shard_loop.hpp"

namespace greenroom::runtime {
namespace {

using namespace std::chrono_literals;
using tests::shard_loop;

struct fixture {
  fixture() {
    std::string pattern = std::filesystem::temp_directory_path() / "greenroom-XXXXXX";
    directory = ::mkdtemp(pattern.data());
    path = directory + "/admin.sock";
    serve();
  }
  ~fixture() {
    loop.run([&] {
      kept.clear();
      server.reset();
    });
    std::filesystem::remove_all(directory);
  }
  void serve() {
    loop.run([&] {
      server = std::make_unique<local_socket>(loop.at(), path, [this](auto& peer, std::string_view line) {
        lines.emplace_back(line);
        if (line == "later") return kept.push_back(peer);
        if (line == "flood") {
          for (int i = 0; i != 100; ++i) peer->send_line(std::string(100'000, 'x'));
          return;
        }
        peer->send_line("1 " + std::string{line});
        peer->send_line("2");
        peer->close();
      });
    });
  }
  std::vector<std::string> call(const std::string& line, std::chrono::milliseconds timeout = 5s) {
    std::vector<std::string> answers;
    local_call(
        path, line,
        [&](std::string_view answer) {
          answers.emplace_back(answer);
          return true;
        },
        timeout);
    return answers;
  }
  unique_fd connect() const {
    unique_fd socket{::socket(AF_UNIX, SOCK_STREAM, 0)};
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::strncpy(to.sun_path, path.c_str(), sizeof to.sun_path - 1);
    REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    return socket;
  }

  shard_loop loop;
  std::string directory, path;
  std::unique_ptr<local_socket> server;
  std::vector<std::string> lines;
  std::vector<std::shared_ptr<local_peer>> kept;
};

}  // namespace

TEST_CASE_METHOD(fixture, "local socket: a line is answered with lines, and its file is its owner's alone") {
  CHECK(call("status") == std::vector<std::string>{"1 status", "2"});
  struct stat file {};
  REQUIRE(::stat(path.c_str(), &file) == 0);
  CHECK((file.st_mode & 0777) == 0600);
}

TEST_CASE_METHOD(fixture, "local socket: the client may stop listening, and gives up on one that does not answer") {
  int heard = 0;
  local_call(
      path, "x", [&](std::string_view) { return ++heard == 0; }, 5s);
  CHECK(heard == 1);
  CHECK_THROWS_AS(call("later", 50ms), std::system_error);
}

TEST_CASE_METHOD(fixture, "local socket: answers may come later, and to one that left they are dropped") {
  std::thread client{[&] { CHECK(call("later") == std::vector<std::string>{"at last"}); }};
  CHECK(loop.eventually([&] { return kept.size() == 1; }));
  loop.run([&] {
    kept[0]->send_line("at last");
    kept[0]->close();
    kept[0]->send_line("too late");
    kept[0]->close();
  });
  client.join();
}

TEST_CASE_METHOD(fixture,
                 "local socket: several lines may come at once, a line of 64 KiB is taken, a longer one ends it") {
  auto socket = connect();
  const std::string two = "later\nlater\n";
  REQUIRE(::send(socket.get(), two.data(), two.size(), 0) > 0);
  CHECK(loop.eventually([&] { return lines.size() == 2; }));
  loop.run([&] { kept.clear(); });
  CHECK(call(std::string(65'536, 'x'))[0].size() == 65'538);
  CHECK(call(std::string(65'537, 'x')).empty());
  CHECK(call("still there").size() == 2);
}

TEST_CASE_METHOD(fixture, "local socket: a client that reads nothing is cut off") {
  auto socket = connect();
  REQUIRE(::send(socket.get(), "flood\n", 6, 0) == 6);
  CHECK(loop.eventually([&] { return lines.size() == 1; }));
  CHECK(call("next").size() == 2);
}

TEST_CASE_METHOD(fixture, "local socket: a dead node's file is replaced, a living node's is not") {
  CHECK_THROWS_AS(serve(), std::system_error);
  CHECK(call("x").size() == 2);
  loop.run([&] { server.reset(); });
  CHECK_FALSE(std::filesystem::exists(path));
  {
    unique_fd dead{::socket(AF_UNIX, SOCK_STREAM, 0)};
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::strncpy(at.sun_path, path.c_str(), sizeof at.sun_path - 1);
    REQUIRE(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
  }
  CHECK(std::filesystem::exists(path));
  serve();
  CHECK(call("x").size() == 2);
}

TEST_CASE_METHOD(fixture, "local socket: nobody there is an error that names the path") {
  loop.run([&] { server.reset(); });
  CHECK_THROWS_WITH(call("x"), Catch::Matchers::Contains(path));
  CHECK_THROWS_AS(local_call(
                      std::string(200, 'x'), "x", [](auto) { return true; }, 1s),
                  std::system_error);
}

}  // namespace greenroom::runtime
