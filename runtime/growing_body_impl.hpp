/// GROWING_BODY is the body of a request for Beast's parser: a text that grows with what arrives. Private to runtime's sources.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/parser.hpp>

#include <cstdint>
#include <string>

namespace greenroom::runtime {

/// A text that grows with what arrives: Beast's own string_body reserves whatever length the client announces.
struct growing_body {
  using value_type = std::string;
  struct reader {
    template <bool IsRequest, class Fields>
    reader(boost::beast::http::header<IsRequest, Fields>&, value_type& body) : text{body} {}
    void init(const boost::optional<std::uint64_t>&, boost::beast::error_code& ec) { ec = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, boost::beast::error_code& ec) {
      ec = {};
      std::size_t size = 0;
      for (auto i = boost::asio::buffer_sequence_begin(buffers); i != boost::asio::buffer_sequence_end(buffers); ++i) {
        const boost::asio::const_buffer part{*i};
        text.append(static_cast<const char*>(part.data()), part.size());
        size += part.size();
      }
      return size;
    }
    void finish(boost::beast::error_code& ec) { ec = {}; }
    std::string& text;
  };
};

}  // namespace greenroom::runtime
