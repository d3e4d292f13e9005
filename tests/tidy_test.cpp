// The house rules that a program can check, over the whole tree. Each rule also meets a sample that breaks it: a
// checker that finds nothing there would find nothing anywhere.
#include <catch2/catch.hpp>

#include "tests/tidy/rules.hpp"

using namespace greenroom::tidy;

namespace {

const tree& repository() {
  static const tree all = read_tree(GREENROOM_SOURCE_DIR);
  return all;
}

/// Files with lines that are allowed to be wide, each with its reason.
const questions wide_files{};
/// Files that are allowed to be long, each with its reason.
const questions long_files{};
/// Files with a function that is allowed to be long.
const questions long_functions{};
/// Files that name what a rule looks for.
const questions rules_and_samples{{"tests/tidy/file_rules.cpp", "it names the words that it looks for"},
                                  {"tests/tidy_test.cpp", "its samples break the rule"}};

#define NOTHING_BREAKS(rule_findings)           \
  do {                                          \
    const auto listed = listing(rule_findings); \
    INFO("\n" << listed);                       \
    CHECK(listed.empty());                      \
  } while (false)

bool says(const findings& all, std::string_view word) { return listing(all).find(word) != std::string::npos; }

}  // namespace

TEST_CASE("tidy: the tree is there to be checked", "[tidy]") {
  CHECK(find(repository(), "main.cpp") != nullptr);
  CHECK(find(repository(), "actors/room.hpp") != nullptr);
  CHECK(find(repository(), "docs/protocol.md") != nullptr);
  for (const auto& s : repository()) {
    CHECK(s.path.find("node_modules") == std::string::npos);
    CHECK(!s.path.starts_with("build/"));
  }
}

TEST_CASE("tidy: a layer includes only what stands below it", "[tidy]") {
  NOTHING_BREAKS(each(repository(), includes_only_what_its_layer_may));
  NOTHING_BREAKS(msgpack_stays_in_one_source(repository()));

  CHECK(says(includes_only_what_its_layer_may({"codecs/x.hpp", "#include <caf/actor.hpp>\n"}), "codecs/x.hpp:1"));
  CHECK(says(includes_only_what_its_layer_may({"codecs/jwt.cpp", "#include <openssl/evp.h>\n"}), "OpenSSL"));
  CHECK(includes_only_what_its_layer_may({"codecs/jwt_key.cpp", "#include <openssl/evp.h>\n"}).empty());
  CHECK(says(includes_only_what_its_layer_may({"storage/log.cpp", "#include <openssl/evp.h>\n"}), "OpenSSL"));
  CHECK(includes_only_what_its_layer_may({"storage/audit_key.cpp", "#include <openssl/evp.h>\n"}).empty());
  CHECK(
      says(includes_only_what_its_layer_may({"storage/x.cpp", "\n#include \"runtime/log.hpp\"\n"}), "storage/x.cpp:2"));
  CHECK(says(includes_only_what_its_layer_may({"runtime/x.cpp", "#include \"codecs/codec.hpp\"\n"}), "moves bytes"));
  CHECK(says(includes_only_what_its_layer_may({"actors/x.cpp", "#include <boost/asio/post.hpp>\n"}), "sockets"));
  CHECK(says(includes_only_what_its_layer_may({"clients/x.cpp", "#include \"actors/room.hpp\"\n"}), "outside"));
  CHECK(says(includes_only_what_its_layer_may({"runtime/x.hpp", "#include <boost/asio/post.hpp>\n"}), "_impl.hpp"));
  CHECK(includes_only_what_its_layer_may({"runtime/x_impl.hpp", "#include <boost/asio/post.hpp>\n"}).empty());
  CHECK(includes_only_what_its_layer_may({"runtime/x.cpp", "#include <boost/asio/post.hpp>\n"}).empty());
  CHECK(says(includes_only_what_its_layer_may({"runtime/x.hpp", "#include \"runtime/y_impl.hpp\"\n"}), "private"));
  CHECK(says(includes_only_what_its_layer_may({"runtime/x.cpp", "#include <spdlog/spdlog.h>\n"}), "runtime/log.hpp"));
  CHECK(includes_only_what_its_layer_may({"runtime/log.cpp", "#include <spdlog/logger.h>\n"}).empty());
  CHECK(says(includes_only_what_its_layer_may({"tests/x.cpp", "#include <caf/all.hpp>\n"}), "the part"));
  CHECK(says(msgpack_stays_in_one_source(
                 {{"codecs/a.cpp", "#include <msgpack.hpp>\n"}, {"codecs/b.cpp", "#include <msgpack/unpack.hpp>\n"}}),
             "codecs/b.cpp"));
}

TEST_CASE("tidy: a header stands alone and explains itself", "[tidy]") {
  NOTHING_BREAKS(each(repository(), has_pragma_once));
  NOTHING_BREAKS(each(repository(), explains_itself));
  NOTHING_BREAKS(each(repository(), opens_no_namespace));
  NOTHING_BREAKS(own_header_comes_first(repository()));

  CHECK(says(has_pragma_once({"runtime/x.hpp", "struct x {};\n"}), "runtime/x.hpp"));
  CHECK(says(explains_itself({"runtime/x.hpp", "#pragma once\nstruct x {};\n/// Too late.\n"}), "what this is"));
  CHECK(says(opens_no_namespace({"runtime/x.hpp", "using namespace std;\n"}), "opens"));
  CHECK(opens_no_namespace({"runtime/x.hpp", "using namespace std::chrono_literals;\n"}).empty());
  CHECK(opens_no_namespace({"runtime/x.cpp", "using namespace std;\n"}).empty());
  CHECK(says(
      own_header_comes_first({{"actors/x.cpp", "#include <map>\n#include \"actors/x.hpp\"\n"}, {"actors/x.hpp", ""}}),
      "first include"));
}

TEST_CASE("tidy: an actor's header says who its parent is, what a crash does and what bounds it", "[tidy]") {
  NOTHING_BREAKS(each(repository(), says_how_an_actor_lives));

  const auto found = says_how_an_actor_lives(
      {"actors/x.hpp",
       "/// X. Parent: y. Bounds: z.\n#pragma once\ncaf::actor spawn(const place& where);\n/// Crash: late\n"});
  CHECK(says(found, "Crash:"));
  CHECK(found.size() == 1);
}

TEST_CASE("tidy: only the command line prints", "[tidy]") {
  NOTHING_BREAKS(each(repository(), leaves_printing_to_the_command_line));

  CHECK(says(leaves_printing_to_the_command_line({"runtime/x.cpp", "  std::cout << 1;\n"}), "std::cout"));
  CHECK(says(leaves_printing_to_the_command_line({"actors/x.cpp", "  std::printf(\"1\");\n"}), "printf"));
  CHECK(leaves_printing_to_the_command_line({"codecs/x.cpp", "  std::snprintf(a, b, \"1\");\n"}).empty());
  CHECK(leaves_printing_to_the_command_line({"clients/x.cpp", "  std::cout << 1;\n"}).empty());
}

TEST_CASE("tidy: no test sleeps, and no check vanishes from a release build", "[tidy]") {
  NOTHING_BREAKS(each(repository(), never_sleeps, rules_and_samples));
  NOTHING_BREAKS(each(repository(), keeps_its_checks, rules_and_samples));

  CHECK(says(never_sleeps({"tests/x/x_test.cpp", "std::this_thread::sleep_for(1s);\n"}), "a test sleeps"));
  CHECK(never_sleeps({"runtime/x.cpp", "std::this_thread::sleep_for(1s);\n"}).empty());
  CHECK(says(keeps_its_checks({"runtime/x.cpp", "  assert(x);\n"}), "runtime/x.cpp:1"));
  CHECK(keeps_its_checks({"runtime/x.cpp", "static_assert(true);\n"}).empty());
}

TEST_CASE("tidy: nothing is left to do", "[tidy]") {
  NOTHING_BREAKS(each(repository(), has_nothing_left_to_do, rules_and_samples));

  CHECK(says(has_nothing_left_to_do({"README.md", "x\nTODO: y\n"}), "README.md:2"));
  CHECK(says(has_nothing_left_to_do({"dev", "# FIXME\n"}), "is left"));
  CHECK(has_nothing_left_to_do({"README.md", "mastodon, TODOS\n"}).empty());
}

TEST_CASE("tidy: lines, functions and files are short", "[tidy]") {
  NOTHING_BREAKS(each(repository(), has_lines_that_fit, wide_files));
  NOTHING_BREAKS(each(repository(), is_short, long_files));
  NOTHING_BREAKS(each(repository(), has_short_functions, long_functions));

  std::string long_line(161, 'x'), long_file, long_function = "void f() {\n";
  for (int i = 0; i < 501; ++i) long_file += "x\n";
  for (int i = 0; i < 61; ++i) long_function += "  g();\n";
  CHECK(says(has_lines_that_fit({"runtime/x.cpp", long_line}), "161 columns"));
  CHECK(says(has_lines_that_fit({"runtime/x.cpp", "a\n\tb\n"}), "runtime/x.cpp:2: a tab"));
  CHECK(says(has_lines_that_fit({"runtime/x.cpp", "a \n"}), "space"));
  CHECK(says(is_short({"runtime/x.cpp", long_file}), "501 lines"));
  CHECK(says(has_short_functions({"runtime/x.cpp", long_function + "}\n"}), "runtime/x.cpp:1"));
  CHECK(has_short_functions({"runtime/x.cpp", "void f() {\n}\nnamespace {\n" + long_file + "}\n"}).empty());
}

TEST_CASE("tidy: a question that nobody asks any more is struck", "[tidy]") {
  const tree one{{"runtime/x.cpp", "x\n"}};
  CHECK(says(each(one, is_short, {{"runtime/x.cpp", "once it was long"}}), "strike it"));
  CHECK(says(each(one, is_short, {{"runtime/y.cpp", "it was there once"}}), "not there"));
}

TEST_CASE("tidy: nothing names the machine on which it was written", "[tidy]") {
  NOTHING_BREAKS(each(repository(), names_no_machine, rules_and_samples));

  CHECK(says(names_no_machine({"docs/x.md", "see\n/root/x\n"}), "docs/x.md:2"));
  CHECK(says(names_no_machine({"dev", "cd /home/ann/greenroom\n"}), "machine"));
  CHECK(names_no_machine({"docs/x.md", "a network/worker\n"}).empty());
}

TEST_CASE("tidy: each folder's README lists its files and nothing else", "[tidy]") {
  NOTHING_BREAKS(folders_list_their_files(repository()));

  const tree sample{{"x/README.md",
                     "| file | |\n|---|---|\n| `a`, `gone` | both; `part` of a, not `that` |\n\n| word | "
                     "|\n|---|---|\n| `no_file` | |\n"},
                    {"x/a.hpp", ""},
                    {"x/a_impl.hpp", ""},
                    {"x/ab.cpp", ""},
                    {"x/part.cpp", ""},
                    {"y/a.cpp", ""}};
  const auto found = folders_list_their_files(sample);
  CHECK(says(found, "no row for ab.cpp"));
  CHECK(says(found, "a row for gone"));
  CHECK(says(found, "y: no README.md"));
  CHECK(found.size() == 3);
}

TEST_CASE("tidy: links in the documents lead somewhere", "[tidy]") {
  NOTHING_BREAKS(links_lead_somewhere(repository()));

  const tree sample{{"docs/a.md", "# What a link is\n[b](b.md) [up](../README.md) [in](#what-a-link-is)\n"},
                    {"README.md", "[a](docs/a.md#what-a-link-is) [c](docs/a.md#else) [out](https://example.org)\n"}};
  const auto found = links_lead_somewhere(sample);
  CHECK(says(found, "docs/a.md:2: the link to b.md"));
  CHECK(says(found, "README.md:1: the link to docs/a.md#else"));
  CHECK(found.size() == 2);
}

TEST_CASE("tidy: a decision record has its four parts, numbers among its limits, and a row in the index", "[tidy]") {
  NOTHING_BREAKS(each(repository(), is_a_whole_decision));
  NOTHING_BREAKS(decisions_are_listed(repository()));

  const std::string whole = "# 0001: X\n\n## Context\n\n## Decision\n\n## Consequences\n\n## Limits\n\nAt most 5.\n";
  CHECK(is_a_whole_decision({"docs/decisions/0001-x.md", whole}).empty());
  CHECK(says(is_a_whole_decision({"docs/decisions/0002-x.md", whole}), "title"));
  CHECK(says(is_a_whole_decision({"docs/decisions/0001-x.md", "# 0001: X\n\n## Context\n"}), "Decision"));
  CHECK(says(is_a_whole_decision({"docs/decisions/0001-x.md", whole.substr(0, whole.find("At most"))}), "number"));
  CHECK(
      says(decisions_are_listed({{"docs/decisions/README.md", ""}, {"docs/decisions/0001-x.md", whole}}), "0001-x.md"));
}

TEST_CASE("tidy: every method, close code and metric is documented", "[tidy]") {
  NOTHING_BREAKS(the_protocol_is_documented(repository()));
  NOTHING_BREAKS(the_metrics_are_documented(repository()));

  const tree protocol{{"codecs/methods.cpp", "constexpr method table[] = {\n    {\"room.sing\", \"Sings.\"},\n"},
                      {"codecs/close_code.hpp", "inline constexpr close_code tired{4999, \"tired\", x};\n"},
                      {"docs/protocol.md", "`tired`\n"}};
  CHECK(says(the_protocol_is_documented(protocol), "room.sing"));
  CHECK(says(the_protocol_is_documented(protocol), "4999"));
  CHECK_FALSE(says(the_protocol_is_documented(protocol), "nothing of tired"));
  CHECK(says(the_protocol_is_documented({}), "was found"));
  CHECK(says(
      the_metrics_are_documented({{"actors/x.cpp", "add({\"greenroom_x_total\", \"X.\"})"}, {"docs/operating.md", ""}}),
      "greenroom_x_total"));
}
