#include <simdjson.h>

#include <algorithm>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <limits>
#include <string>

#include "codecs/codec.hpp"
#include "codecs/document.hpp"
#include "codecs/names.hpp"
#include "codecs/token_cache.hpp"
#include "codecs/transcode.hpp"
#include "tests/codecs/jwt_samples.hpp"

/// The figures of docs/decisions/0010, 0011, 0038 and 0040, measured again: `codecs_test "[.figures]"`. They check nothing; a
/// machine's speed is no property of the code.
namespace {

using namespace greenroom::codecs;

/// Nanoseconds of one call: the best of several rounds.
double best_ns(auto&& work, int calls = 20'000) {
  constexpr int rounds = 9;
  double best = std::numeric_limits<double>::max();
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) work();
    best = std::min(best, std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count());
  }
  return best / calls;
}

struct deaf final : sink {
  void on_call(reply_ref, call) override {}
  void on_bad_call(reply_ref, error) override { std::abort(); }
  void on_answer(std::string, outcome) override {}
  void on_batch_begin(format) override {}
  void on_batch_end() override {}
};

std::string publish(std::string_view payload) {
  return R"({"jsonrpc":"2.0","id":1,"method":"room.publish","params":{"room":"lobby","event":"say","payload":)" +
         std::string{payload} + "}}";
}

std::string small() { return publish(R"({"text":")" + std::string(112, 'x') + R"(","n":1})"); }

std::string large() {
  std::string list = "[0";
  for (int i = 0; i < 200; ++i) {
    list += R"(,{"id":)";
    list += std::to_string(i);
    list += R"(,"name":"abcdef","ok":true})";
  }
  list += ']';
  return publish(list);
}

/// The DOM validates; On-Demand then finds the three strings and the bytes of the payload.
bool dom_then_cut(simdjson::dom::parser& dom, simdjson::ondemand::parser& on_demand,
                  const simdjson::padded_string& text) {
  simdjson::dom::element all;
  if (dom.parse(text).get(all)) return false;
  simdjson::ondemand::document doc;
  simdjson::ondemand::object request, params;
  simdjson::ondemand::value body;
  std::string_view method, room, event;
  if (on_demand.iterate(text).get(doc) || doc.get_object().get(request)) return false;
  if (request.find_field("method").get_string().get(method)) return false;
  if (request.find_field("params").get_object().get(params)) return false;
  if (params.find_field("room").get_string().get(room) || params.find_field("event").get_string().get(event))
    return false;
  if (params.find_field("payload").get(body)) return false;
  simdjson::ondemand::json_type type;
  if (body.type().get(type)) return false;
  std::string_view raw;
  if (type == simdjson::ondemand::json_type::array) return !body.get_array().value_unsafe().raw_json().get(raw);
  return !body.get_object().value_unsafe().raw_json().get(raw);
}

}  // namespace

TEST_CASE("figures: ways to read JSON", "[.figures]") {
  for (const auto& text : {small(), large()}) {
    const simdjson::padded_string padded{text};
    simdjson::dom::parser dom;
    simdjson::ondemand::parser on_demand;
    document doc;
    REQUIRE(dom_then_cut(dom, on_demand, padded));
    std::printf("%zu bytes: DOM alone %.0f ns, DOM then On-Demand %.0f ns, one walk %.0f ns, Boost.JSON %.0f ns\n",
                text.size(), best_ns([&] { return dom.parse(padded).error(); }),
                best_ns([&] { return dom_then_cut(dom, on_demand, padded); }),
                best_ns([&] { return doc.read(format::json, text); }), best_ns([&] {
                  boost::json::monotonic_resource memory;
                  return boost::json::parse(text, &memory).is_object();
                }));
  }
}

TEST_CASE("figures: the hot path", "[.figures]") {
  const auto text = small();
  const auto packed = transcode(format::json, text).value();
  const auto native = make_native_dialogue(codec_id::native_json);
  deaf to;
  std::printf("room.publish, payload of 128 bytes: JSON (%zu bytes) %.0f ns, MessagePack (%zu bytes) %.0f ns\n",
              text.size(), best_ns([&] { native->decode(frame_kind::text, text, to); }), packed.size(),
              best_ns([&] { native->decode(frame_kind::binary, packed, to); }));
  std::printf("transcoding it: to MessagePack %.0f ns, to JSON %.0f ns\n",
              best_ns([&] { return transcode(format::json, text); }),
              best_ns([&] { return transcode(format::msgpack, packed); }));

  envelope message;
  message.room = "lobby";
  message.epoch = "abcdefgh";
  message.seq = 12'345;
  message.id = "0190a2b4-1c2d-7e3f-8a4b-5c6d7e8f9a0b";
  message.event = "say";
  message.from = "ann";
  message.at_ms = 1'700'000'000'000;
  message.body = std::make_shared<payload>(format::json, R"({"text":")" + std::string(112, 'x') + R"(","n":1})");
  const outcome published = result{results::published{.id = message.id, .epoch = message.epoch, .seq = 12'345}};
  std::string out;
  for (const auto id : {codec_id::native_json, codec_id::native_msgpack}) {
    const auto as = id == codec_id::native_json ? format::json : format::msgpack;
    const reply_ref ref{.id = as == format::json ? "1" : "\x01", .in = as};
    std::printf("%s: a broadcast %.0f ns, a publish's answer %.0f ns\n", name_of(encoding_of(id)).data(), best_ns([&] {
                  out.clear();
                  codec_of(id).encode_broadcast(message, out);
                }),
                best_ns([&] { return native->encode_reply(ref, published, framing::websocket); }));
  }
}

TEST_CASE("figures: tokens", "[.figures]") {
  const auto trust = samples::trust_in(samples::all_keys());
  const char* kids[]{"hs256", "hs384", "hs512", "rs256", "ps256", "es256", "eddsa"};
  for (const auto alg : samples::algorithms) {
    const auto token = mint_jwt(samples::order(), samples::signer(alg, kids[static_cast<std::size_t>(alg)]));
    REQUIRE(samples::said(verify_jwt(token, *trust, samples::now_s)) == "ann");
    token_cache cache;
    std::printf("%s, a token of %zu bytes: verified in %.1f us, from the cache in %.2f us\n", name_of(alg).data(),
                token.size(), best_ns([&] { return verify_jwt(token, *trust, samples::now_s); }, 300) / 1'000,
                best_ns([&] { return cache.verify(token, trust, samples::now_s); }) / 1'000);
  }
}

TEST_CASE("figures: names", "[.figures]") {
  for (const std::string& name : {std::string{"lobby"}, "chat:" + std::string(40, 'x'), std::string(255, 'x'),
                                  std::string{"caf\u00e9"}, "chat:" + std::string{"\u6f22\u5b57\u6f22\u5b57"}})
    std::printf("a name of %zu bytes (%s): %.1f ns\n", name.size(), name.substr(0, 12).c_str(),
                best_ns([&] { return flaw_of_name(name).has_value(); }, 200'000));
}
