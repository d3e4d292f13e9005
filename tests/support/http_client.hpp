// HTTP_CLIENT: requests as text and answers taken apart, over a raw_socket; what is wrong stays wrong.
#pragma once

#include <string>
#include <string_view>

#include "tests/support/web_server.hpp"

namespace greenroom::tests {

inline std::string get(std::string_view target, std::string_view more = {}) {
  return "GET " + std::string{target} + " HTTP/1.1\r\nHost: test\r\n" + std::string{more} + "\r\n";
}

inline std::string post(std::string_view body, std::string_view more = {}) {
  return "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string{more} + "\r\n" + std::string{body};
}

struct answer {
  unsigned status = 0;
  std::string head, body;
  std::string header(std::string_view name) const {
    const auto at = head.find("\r\n" + std::string{name} + ": ");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

/// `from`: a raw_socket, or another with its interface.
template <class Socket>
answer read_answer(Socket& from) {
  answer got;
  got.head = from.read_until("\r\n\r\n");
  if (got.head.size() < 12) return got;
  got.status = static_cast<unsigned>(std::stoul(got.head.substr(9, 3)));
  if (const auto length = got.header("Content-Length"); !length.empty()) got.body = from.read(std::stoul(length));
  return got;
}

inline answer ask(web_server& server, std::string_view bytes) {
  raw_socket client{server.address()};
  client.send(bytes);
  return read_answer(client);
}

}  // namespace greenroom::tests
