#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

#include "runtime/config.hpp"
#include "runtime/deflate_offer.hpp"
#include "runtime/forwarded.hpp"
#include "runtime/inflater.hpp"
#include "runtime/proxy_header.hpp"
#include "runtime/unique_fd.hpp"
#include "runtime/web_origin.hpp"
#include "tests/support/raw_deflate.hpp"

/// What the fuzz targets of the edge that need no socket do with one input. They abort on a broken promise.
///
/// A target of this folder is one of these under libFuzzer's name; tests/runtime/fuzz_test.cpp calls them all.
namespace greenroom::runtime::fuzz {

inline void promise(bool kept, const char* what) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

/// A header of the PROXY protocol: whole, and in pieces that the input itself chooses.
inline void proxy_header(std::string_view input) {
  using verdict = runtime::proxy_header::verdict;
  struct end {
    verdict said;
    std::size_t used;
    std::string source;
  };
  const auto read = [&](std::uint32_t seed) {
    std::minstd_rand random{seed + 1};
    runtime::proxy_header header;
    end got{verdict::more, 0, {}};
    while (got.said == verdict::more && got.used < input.size()) {
      promise(header.wants() > 0, "a header that is not complete wants more");
      const auto most = std::min(header.wants(), input.size() - got.used);
      const auto size = seed == 0 ? most : std::min<std::size_t>(most, 1 + random() % 40);
      got.said = header.feed(input.substr(got.used, size));
      got.used += size;
    }
    if (header.source()) got.source = header.source()->address.text_with(header.source()->port);
    promise(got.said != verdict::complete || header.wants() == 0, "a complete header wants nothing");
    promise(got.said == verdict::complete || !header.source(), "an address stands in a complete header only");
    return got;
  };
  const auto whole = read(0), pieces = read(static_cast<std::uint32_t>(input.size() * 31 + 1));
  promise(whole.said == pieces.said, "the verdict does not depend on the pieces");
  promise(whole.source == pieces.source, "the client does not depend on the pieces");
  if (whole.said != verdict::complete) return;
  promise(whole.used == pieces.used, "a header has one end");
  promise(whole.used <= runtime::proxy_header::head_bytes + runtime::proxy_header::body_bytes_max,
          "a header is bounded");
  promise(whole.source.empty() || ip_and_port::parse(whole.source), "an address can be read again");
}

/// An `Origin` as somebody sends it, or a list's entry; and a field X-Forwarded-For.
inline void origin(std::string_view input) {
  if (is_web_origin(input)) {
    promise(std::ranges::all_of(input, [](char c) { return c > ' ' && c < 0x7f && !(c >= 'A' && c <= 'Z'); }),
            "an origin is lower-case text");
    promise(input.find_first_of("/\\@?#%,*", input.find("://") + 3) == std::string_view::npos,
            "an origin has no path and no user");
    promise(is_origin_entry(input), "an origin may be listed");
    promise(origin_matches(input, input), "an origin is itself");
    for (const auto* more : {"/", ".", " ", "x", "0", ":1", "@a"})
      promise(!origin_matches(input, std::string{input} + more), "an origin is nothing longer");
    promise(!origin_matches("https://*.wild.example", input) ||
                (input.starts_with("https://") && input.ends_with(".wild.example") && input.size() > 21 &&
                 std::ranges::count(input, '.') == 2),
            "a star is one label");
  }
  if (is_origin_entry(input) && input.find('*') != std::string_view::npos) {
    std::string one{input};
    one.replace(one.find('*'), 1, "a");
    promise(is_web_origin(one) && origin_matches(input, one), "a star's entry allows what has one label");
    promise(!origin_matches(input, std::string{input}.replace(input.find('*'), 2, "")), "and not its bare domain");
  }
  for (const auto by : {web_scheme::http, web_scheme::https}) {
    const auto own = origin_of_site(by, input);
    promise(own.empty() || is_web_origin(own), "a site has an origin or none");
    promise(own.empty() || own.starts_with(by == web_scheme::https ? "https://" : "http://"), "of its scheme");
  }
  http_request request;
  request.fields = {{"X-Forwarded-For", std::string{input}}};
  const proxy_rules rules{ip_networks{std::vector<std::string>{"127.0.0.1", "10.0.0.0/8"}}};
  const auto client = client_of(request, {"127.0.0.1:1", true}, rules, true);
  promise(ip_and_port::parse(client.end.text).has_value(), "a client has an address");
  promise(!client.malformed || (client.end.text == "127.0.0.1:1" && !client.end.is_loopback),
          "what cannot be read moves nobody");
}

/// A compressed message, its bound in the first byte; and the words of an offer.
inline void deflate(std::string_view input) {
  using verdict = inflater::verdict;
  if (input.empty()) return;
  const std::size_t bytes_max = std::size_t{1} << (static_cast<unsigned char>(input[0]) % 18);
  const auto body = input.substr(1);
  inflater fresh;
  const auto got = fresh.inflate(body, bytes_max);
  promise(got.bytes.size() <= bytes_max, "what is inflated is bounded");
  const std::string first{got.bytes};
  const auto what = got.what;
  const auto again = inflater::of_this_thread().inflate(body, bytes_max);
  promise(again.what == what && (what != verdict::whole || again.bytes == first),
          "no message depends on the one before");
  const auto alone = tests::swollen(body);  // stops at a last block, behind which a message may go on
  promise(what != verdict::whole || !alone || *alone == first, "zlib alone says the same");
  const auto squeezed = tests::squeezed(body, 1 + static_cast<int>(body.size() % 9));
  const auto back = fresh.inflate(squeezed, body.size());
  promise(back.what == verdict::whole && back.bytes == body, "what was compressed comes back");
  if (!body.empty())
    promise(fresh.inflate(squeezed, body.size() - 1).what == verdict::too_big, "one byte over the bound is too much");
  const auto agreed = accept_deflate(body, 9 + static_cast<unsigned char>(input[0]) % 7);
  promise(!agreed || (agreed->window_bits >= 9 && agreed->window_bits <= 15), "a window is one that zlib has");
  promise(!agreed || agreed->answer.starts_with("permessage-deflate"), "an answer names what was offered");
}

/// A config: the file's text; its lines once more as settings of the command line and of the environment.
inline void config_file(std::string_view input) {
  const unique_fd file{::memfd_create("config", MFD_CLOEXEC)};
  promise(::write(file.get(), input.data(), input.size()) == static_cast<ssize_t>(input.size()), "memory is writable");
  const auto check = [](const config_result& got) {
    for (const auto& each : got.problems)
      promise(!each.message.empty() && !each.text().empty(), "a problem has a sentence");
    if (!got.problems.empty()) return;
    promise(!got.value.gateway.listen.empty(), "a good config listens somewhere");
    promise(got.value.namespaces.contains("durable") && got.value.endpoints.contains("native"), "defaults stay");
    for (const auto& each : got.value.gateway.proxies) promise(ip_network::parse(each).has_value(), "a proxy is one");
    for (const auto& each : got.value.access.allowed_origins) promise(is_origin_entry(each), "an origin is one");
  };
  config_sources from;
  from.file = "/proc/self/fd/" + std::to_string(file.get());
  check(load_config(from));
  config_sources lines;
  for (auto rest = input; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const auto equals = std::min(line.find('='), line.size());
    const std::string key{line.substr(0, equals)}, value{line.substr(std::min(equals + 1, line.size()))};
    lines.overrides.emplace_back(key, value);
    lines.environment.emplace_back(key, value);
  }
  check(load_config(lines));
}

}  // namespace greenroom::runtime::fuzz
