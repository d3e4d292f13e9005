#include "codecs/names.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "tests/codecs/recorder.hpp"

using namespace greenroom::codecs;

TEST_CASE("name: what may be one", "[codecs]") {
  const std::string rows[]{
      "lobby",
      " ",
      "a b",
      "'; DROP TABLE rooms; --",
      "../../etc/passwd",
      "%00",
      R"(\\server\share "quoted")",
      "${user}",
      "*",
      "\u00e9",                                            // é, one code point
      "\u6f22\u5b57",                                      // 漢字
      "\U0001f600",                                        // 😀
      "\U0001f469\u200d\U0001f467",                        // 👩‍👧, with a joiner
      "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  // Persian, with a non-joiner
      "\ue000",                                            // private use
      "\u00a0",                                            // no-break space
      std::string(128, 'x'),
  };
  for (const auto& each : rows) {
    INFO(each);
    CHECK(flaw_of_name(each).value_or("") == "");
  }
}

TEST_CASE("name: what may not, and why", "[codecs]") {
  const std::string_view control = "must not have control characters.",
                         separator = "must not have line or paragraph separators.",
                         direction = "must not have controls of the writing direction.",
                         unassigned = "must not have characters that Unicode 14 has not assigned.",
                         composed = "must be in Unicode's composed form (NFC).", utf8 = "must be UTF-8.";
  using namespace std::string_literals;
  const std::pair<std::string, std::string_view> rows[]{
      {"", "must not be empty."},
      {"a\0b"s, control},
      {"\n", control},
      {"longer than eight\x1f", control},
      {"12345678\x7f", control},
      {"\x7f", control},
      {"a\u0080", control},
      {"a\u009f", control},
      {"a\u2028", separator},
      {"a\u2029", separator},
      {"\u202eevil", direction},
      {"\u2066x\u2069", direction},
      {"a\u200e", direction},
      {"a\u061c", direction},
      {"\ufdd0", unassigned},      // a noncharacter
      {"\U0001fffe", unassigned},  // another one
      {"\u0378", unassigned},
      {"e\u0301", composed},  // é in two
      {"\u212b", composed},   // the Ångström sign, which is Å
      {"\uf900", composed},   // a compatibility ideograph
      {"\xff", utf8},
      {"a\xc3", utf8},
      {"\xed\xa0\x80", utf8},  // a surrogate
      {"\xc0\xaf", utf8},      // too long a form
  };
  for (const auto& [text, why] : rows) {
    INFO(text);
    CHECK(flaw_of_name(text).value_or("") == why);
  }
}

TEST_CASE("name: each byte of each place is looked at", "[codecs]") {
  for (std::size_t size = 1; size <= 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const char c : {'\0', '\x1f', '\x7f', '\x80'}) {
        std::string text(size, 'x');
        CHECK_FALSE(flaw_of_name(text));
        text[at] = c;
        CHECK(flaw_of_name(text));
      }
      for (const char c : {' ', '~', '!', '@'}) {
        std::string text(size, 'x');
        text[at] = c;
        CHECK_FALSE(flaw_of_name(text));
      }
    }
  }
}

TEST_CASE("name: is_name looks at the length, too", "[codecs]") {
  CHECK(is_name("abcd", 4));
  CHECK_FALSE(is_name("abcde", 4));
  CHECK_FALSE(is_name("", 4));
}

TEST_CASE("name: every member of every call that is one is checked where it enters", "[codecs]") {
  const std::pair<const char*, const char*> rows[]{
      {"params.user", R"("method":"session.open","params":{"user":"$"})"},
      {"params.resume.positions",
       R"("method":"session.open","params":{"resume":{"session":"s","token":"t","positions":{"$":1}}})"},
      {"params.room", R"("method":"room.join","params":{"room":"$"})"},
      {"params.room", R"("method":"room.leave","params":{"room":"$"})"},
      {"params.room", R"("method":"room.publish","params":{"room":"$","event":"e","payload":1})"},
      {"params.event", R"("method":"room.publish","params":{"room":"r","event":"$","payload":1})"},
      {"params.room", R"("method":"room.history","params":{"room":"$"})"},
      {"params.room", R"("method":"room.members","params":{"room":"$"})"},
      {"params.after", R"("method":"room.members","params":{"room":"r","after":"$"})"},
      {"params.to", R"("method":"user.send","params":{"to":"$","event":"e","payload":1})"},
      {"params.event", R"("method":"user.send","params":{"to":"u","event":"$","payload":1})"},
      {"params.users[1]", R"("method":"presence.get","params":{"users":["u","$"]})"},
      {"params.users[0]", R"("method":"presence.watch","params":{"users":["$"]})"},
      {"params.users[0]", R"("method":"presence.unwatch","params":{"users":["$"]})"},
      {"params.after", R"("method":"presence.online","params":{"after":"$"})"},
      {"params.methods[0]", R"("method":"service.register","params":{"methods":["$"]})"},
      {"params.methods[0].name", R"("method":"service.register","params":{"methods":[{"name":"$"}]})"},
      {"params.methods[0]", R"("method":"service.unregister","params":{"methods":["$"]})"},
  };
  const auto heard = [](std::string call, const std::string& name) {
    call.replace(call.find('$'), 1, name);
    return hear(frame_kind::text, R"({"jsonrpc":"2.0","id":1,)" + call + "}");
  };
  for (const auto& [path, call] : rows) {
    INFO(call);
    for (const char* bad : {"e\u0301", R"(\u0000)", R"(\u202e)", R"(\u0085)"})
      CHECK(heard(call, bad).log == strings{std::string{"bad -32602 "} + path});
    CHECK(heard(call, "\u00e9").errors.empty());
  }
  CHECK(heard(R"("method":"$")", "e\u0301").log == strings{"bad -32600"});
  CHECK(heard(R"("method":"$")", "\u00e9").log == strings{"call \u00e9"});
  // Words for people are no names.
  CHECK(heard(R"("method":"presence.set","params":{"status":"$"})", "e\u0301").errors.empty());
}
