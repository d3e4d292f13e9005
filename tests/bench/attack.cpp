// greenroom_attack quiet PORT [FLOOR_PORT…] and greenroom_attack NAME PORT MILLISECONDS: the two sides of `./dev attack`.
#include "tests/bench/attack.hpp"

#include <sys/resource.h>

#include <charconv>
#include <cstdio>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/load_client.hpp"

namespace greenroom::bench {
namespace {

constexpr unsigned addresses = 100, first_address = 257;  // 127.0.1.1 …
constexpr std::size_t piece_bytes = 8U << 10;             // written at once
constexpr std::size_t pieces_made = 64;
constexpr std::chrono::milliseconds before_again{100}, pause{5};

struct counts {
  std::uint64_t opened = 0, refused = 0, closed = 0, sent = 0, heard = 0;
};

/// Who is attacked, and for how long.
struct victim {
  std::uint16_t port = 0;
  clock::time_point until{};
};

/// Connections that are to be made, each from its address and not before its moment.
class to_be_made {
 public:
  void add(unsigned source, clock::time_point when) { all_.emplace_back(source, when); }
  void connect(load& with) {
    const auto now = clock::now();
    std::erase_if(all_, [&](const auto& each) {
      if (each.second > now) return false;
      with.connect({.path = "/ws", .source = each.first});
      return true;
    });
  }

 private:
  std::vector<std::pair<unsigned, clock::time_point>> all_;
};

/// What a flood sends, made before it begins.
using maker = std::function<std::string(std::uint64_t number)>;
struct piece {
  std::string bytes;
  std::uint64_t messages = 0;
};
std::vector<piece> pieces_of(const maker& make) {
  std::vector<piece> all(pieces_made);
  std::uint64_t number = 0;
  for (auto& each : all)
    for (; each.bytes.size() < piece_bytes; ++each.messages) each.bytes += make(number++);
  return all;
}

/// Some connections of each address are held open, and send as fast as they are read.
counts flood(const victim& whom, unsigned per_address, const maker& make) {
  counts did;
  const auto ready = pieces_of(make);
  to_be_made next;
  std::vector<std::pair<peer*, std::size_t>> open;  // and the number of its next piece
  load all{{.port = whom.port,
            .on_open =
                [&](peer& who) {
                  ++did.opened;
                  open.emplace_back(&who, open.size());
                },
            .on_end =
                [&](peer& who) {
                  const bool was_open = std::erase_if(open, [&](auto& each) { return each.first == &who; }) != 0;
                  ++(was_open ? did.closed : did.refused);
                  next.add(who.is().source, clock::now() + before_again);
                },
            .tolerate_close = true,
            .forget_closed = true}};
  for (unsigned n = 0; n < addresses * per_address; ++n) next.add(first_address + n % addresses, clock::now());
  while (clock::now() < whom.until) {
    next.connect(all);
    auto wait = pause;
    for (auto& [who, number] : open) {
      if (!who->all_sent()) continue;
      const auto& one = ready[number++ % ready.size()];
      who->send(one.bytes);
      did.sent += one.messages;
      wait = {};
    }
    all.turn(clock::now() + wait);
  }
  did.heard = all.received;
  return did;
}

/// Each address opens and closes, twice at once.
counts connections(const victim& whom) {
  counts did;
  to_be_made next;
  load all{{.port = whom.port,
            .on_open =
                [&](peer& who) {
                  ++did.opened;
                  next.add(who.is().source, {});
                  who.close();
                },
            .on_end =
                [&](peer& who) {
                  ++did.refused;
                  next.add(who.is().source, {});
                },
            .tolerate_close = true,
            .forget_closed = true}};
  for (unsigned n = 0; n < addresses * 2; ++n) next.add(first_address + n % addresses, {});
  while (clock::now() < whom.until) {
    next.connect(all);
    all.turn(clock::now() + pause);
  }
  return did;
}

/// 20 connections of each address say their request a byte at a time, and come again when they are cut off.
counts slow_headers(const victim& whom) {
  constexpr unsigned per_address = 20;
  constexpr std::chrono::microseconds between{200'000};
  static constexpr std::string_view request =
      "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  counts did;
  load nobody{{}};  // what waits for the moment
  std::vector<wire> all(std::size_t{addresses} * per_address);
  auto due = clock::now();
  for (std::size_t at = 0; clock::now() < whom.until; ++at) {
    for (std::size_t n = 0; n < all.size(); ++n, due += between / static_cast<int>(all.size())) {
      nobody.turn(due);
      if (all[n].fd() >= 0 && all[n].send(request.substr(at % request.size(), 1)) == 1) {
        ++did.sent;
        continue;
      }
      did.closed += all[n].fd() >= 0 ? 1 : 0;
      all[n] = wire{first_address + static_cast<unsigned>(n) % addresses, whom.port, nullptr};
      ++did.opened;
    }
  }
  return did;
}

std::string call(std::uint64_t id, std::string_view method, const std::string& params) {
  return masked(R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + std::string{method} +
                R"(","params":)" + params + '}');
}

std::string one_byte_fragments(std::uint64_t) {
  constexpr std::string_view text =
      R"({"jsonrpc":"2.0","method":"room.publish","params":{"room":"f","event":"e","payload":1}})";
  std::string frames;
  for (std::size_t n = 0; n < text.size(); ++n)
    frames += masked(text.substr(n, 1), n == 0 ? opcode::text : opcode::continuation, n + 1 == text.size());
  return frames;
}

const std::map<std::string_view, std::function<counts(const victim&)>> attacks{
    {"connection_flood", connections},
    {"slow_headers", slow_headers},
    {"message_flood",
     [](const victim& whom) {
       return flood(whom, 2, [payload = std::string(100, 'x')](std::uint64_t n) {
         return call(
             n, "room.publish",
             R"({"room":"attack-)" + std::to_string(n % 100) + R"(","event":"e","payload":")" + payload + "\"}");
       });
     }},
    {"join_storm",
     [](const victim& whom) {
       return flood(whom, 1, [](std::uint64_t n) {
         return call(n, "room.join", R"({"room":"storm-)" + std::to_string(n % 1'000) + "\"}");
       });
     }},
    {"one_byte_fragments", [](const victim& whom) { return flood(whom, 1, one_byte_fragments); }},
    {"ping_flood",
     [](const victim& whom) { return flood(whom, 1, [](std::uint64_t) { return masked("ping", opcode::ping); }); }},
};

void attack(std::string_view name, const victim& whom) {
  const auto found = attacks.find(name);
  if (found == attacks.end()) throw std::invalid_argument{"no attack is called " + std::string{name}};
  const auto did = found->second(whom);
  std::cout << R"({"opened":)" << did.opened << R"(,"refused":)" << did.refused << R"(,"closed":)" << did.closed
            << R"(,"sent":)" << did.sent << R"(,"heard":)" << did.heard << "}\n";
}

/// As many descriptors as may be: 2,000 connections and more.
void raise_descriptors() {
  rlimit now{};
  getrlimit(RLIMIT_NOFILE, &now);
  now.rlim_cur = now.rlim_max;
  setrlimit(RLIMIT_NOFILE, &now);
}

template <class Number>
Number number_in(std::string_view text) {
  Number number{};
  const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (why != std::errc{} || end != text.data() + text.size())
    throw std::invalid_argument{"no number: " + std::string{text}};
  return number;
}

}  // namespace
}  // namespace greenroom::bench

int main(int argc, char** argv) try {
  using namespace greenroom::bench;
  raise_descriptors();
  const std::vector<std::string_view> said{argv + 1, argv + argc};
  if (said.size() < 2) throw std::invalid_argument{"greenroom_attack quiet PORT [FLOOR...] | NAME PORT MILLISECONDS"};
  const auto port = number_in<std::uint16_t>(said[1]);
  if (said[0] == "quiet") {
    std::vector<std::uint16_t> floors;
    for (std::size_t n = 2; n < said.size(); ++n) floors.push_back(number_in<std::uint16_t>(said[n]));
    stay_quiet(port, floors);
  } else {
    attack(said[0],
           {port, clock::now() + std::chrono::milliseconds{number_in<unsigned>(said.size() > 2 ? said[2] : "")}});
  }
  return 0;
} catch (const std::invalid_argument& why) {
  std::cerr << why.what() << '\n';
  return 64;
} catch (const std::exception& why) {
  std::cerr << "greenroom_attack: " << why.what() << '\n';
  return 1;
}
