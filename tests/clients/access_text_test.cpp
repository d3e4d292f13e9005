// API keys and revocations on the command line: grants as they are typed, lists as a person reads them.
#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "clients/access_commands.hpp"

using namespace greenroom::clients;

namespace {
constexpr std::int64_t day_ms = 86'400'000;
}

TEST_CASE("grant: a row each") {
  struct row {
    std::string typed, json;  ///< empty: it is refused
  };
  for (const auto& [typed, json] : std::vector<row>{
           {"rooms=a actions=join", R"({"rooms":["a"],"actions":["join"]})"},
           {"rooms=chat:*,lobby actions=join,publish methods=market.* users=*",
            R"({"rooms":["chat:*","lobby"],"actions":["join","publish"],"methods":["market.*"],"users":["*"]})"},
           {"  users=*   methods=a.b ", R"({"users":["*"],"methods":["a.b"]})"},
           {"users=a=b", R"({"users":["a=b"]})"},
           {"users=\"x\"", R"({"users":["\"x\""]})"},
           {"room=a", {}},
           {"rooms", {}},
           {"rooms=", {}},
           {"=a", {}},
           {"rooms=a rooms=b", {}},
           {"chat:*", {}},
       }) {
    INFO(typed);
    if (json.empty())
      CHECK_THROWS_AS(grant_object(typed), std::invalid_argument);
    else
      CHECK(grant_object(typed) == json);
  }
  CHECK(grant_object("") == "{}");
}

TEST_CASE("API key: who has it, since when, until when, and what for") {
  CHECK(describe_key(R"({"id":"0123456789ab","user":"ann","scopes":[],"grants":[],"note":"","created_ms":1,)"
                     R"("expires_ms":0,"used_ms":0})",
                     day_ms + 1) == "0123456789ab ann, made 1 d ago, never used");
  CHECK(describe_key(R"({"id":"0123456789ab","user":"a\u001bn","scopes":["a","worker"],"grants":[{"rooms":["x:*","y"],)"
                     R"("actions":["join"],"methods":[],"users":[]},{"rooms":[],"actions":[],"methods":["m"],)"
                     R"("users":["u"]}],"note":"the invoices","created_ms":0,"expires_ms":259200000,)"
                     R"("used_ms":82800000})",
                     day_ms) ==
        "0123456789ab a?n a,worker, made 1 d ago, expires in 2 d, last used 1 h ago [rooms=x:*,y actions=join] "
        "[methods=m users=u]: the invoices");
  CHECK(describe_key(R"({"id":"1","user":"ann","created_ms":0,"expires_ms":86400000,"used_ms":0})", 2 * day_ms) ==
        "1 ann, made 2 d ago, expired 1 d ago, never used");
}

TEST_CASE("revocation: of what, since when, for how long, and why") {
  CHECK(describe_revocation(R"({"kind":"user","name":"ann","at_ms":0,"until_ms":259200000,"note":"left us"})",
                            day_ms) == "user ann, 1 d ago, for 2 d more: left us");
  CHECK(describe_revocation(R"({"kind":"token","name":"x\ny","at_ms":0,"until_ms":5,"note":""})", 5) ==
        "token x?y, 0 s ago, over");
}
