#include "runtime/grant_pattern.hpp"

#include <catch2/catch.hpp>
#include <string>

using greenroom::runtime::grant_pattern;

namespace {

std::string flaw_of(std::string_view text) {
  const auto read = grant_pattern::parse(text);
  const auto* why = std::get_if<std::string>(&read);
  return why ? *why : std::string{};
}

bool matches(std::string_view pattern, std::string_view name, std::string_view user) {
  return std::get<grant_pattern>(grant_pattern::parse(pattern)).matches(name, user);
}

}  // namespace

TEST_CASE("grant pattern: literal text, the caller's own name, any rest", "[config]") {
  struct row {
    const char *pattern, *name, *user;
    bool yes;
  };
  const row rows[]{
      {"lobby", "lobby", "ann", true},
      {"lobby", "lobby2", "ann", false},
      {"lobby", "lobb", "ann", false},
      {"chat:*", "chat:x", "ann", true},
      {"chat:*", "chat:x:y", "ann", true},
      {"chat:*", "chat:", "ann", true},
      {"chat:*", "chat", "ann", false},
      {"chat:*", "chatter", "ann", false},
      {"chat*", "chatter", "ann", true},
      {"*", "anything:at all", "ann", true},
      {"*", "", "ann", true},
      {"inbox:${user}", "inbox:ann", "ann", true},
      {"inbox:${user}", "inbox:bob", "ann", false},
      {"inbox:${user}", "inbox:anna", "ann", false},
      {"inbox:${user}", "inbox:", "ann", false},
      {"inbox:${user}", "inbox:", "", false},
      {"inbox:${user}", "inbox:ann:x", "ann", false},
      {"${user}", "ann", "ann", true},
      {"${user}", "bob", "ann", false},
      {"game:${user}:*", "game:ann:1", "ann", true},
      {"game:${user}:*", "game:ann:1:2", "ann", true},
      {"game:${user}:*", "game:anna:1", "ann", false},
      {"game:${user}:*", "game:ann", "ann", false},
      {"${user}:${user}", "ann:ann", "ann", true},
      {"${user}:${user}", "ann:bob", "ann", false},
      {"dm:${user}:end", "dm:ann:end", "ann", true},
      {"dm:${user}:end", "dm:ann:end2", "ann", false},
      {"price-$", "price-$", "ann", true},
  };
  for (const auto& r : rows) {
    INFO(r.pattern << " " << r.name << " " << r.user);
    CHECK(matches(r.pattern, r.name, r.user) == r.yes);
  }
}

TEST_CASE("grant pattern: a user's name widens nothing", "[config]") {
  struct row {
    const char *pattern, *name, *user;
  };
  const row no[]{
      {"inbox:${user}", "inbox:ann", "*"},
      {"inbox:${user}", "inbox:${user}", "ann"},
      {"inbox:${user}", "inbox:ann", "${user}"},
      {"inbox:${user}", "inbox:ann:secret", "ann:secret"},  // a part that belongs to ann
      {"game:${user}:*", "game:ann:1", "ann:1"},
      {"game:${user}:*", "game:ann:1:2", "ann:1"},
      {"${user}:x", "ann:x:x", "ann:x"},
  };
  for (const auto& r : no) {
    INFO(r.pattern << " " << r.name << " " << r.user);
    CHECK_FALSE(matches(r.pattern, r.name, r.user));
  }
  // As a literal each of them is itself.
  CHECK(matches("inbox:${user}", "inbox:*", "*"));
  CHECK(matches("inbox:${user}", "inbox:${user}", "${user}"));
  CHECK(matches("inbox:${user}", "inbox:a.*b/../c", "a.*b/../c"));
  CHECK(matches("inbox:${user}", "inbox:'; DROP TABLE users", "'; DROP TABLE users"));
}

TEST_CASE("grant pattern: what is wrong with one is said", "[config]") {
  const std::pair<std::string, const char*> rows[]{
      {"", "it is empty"},
      {std::string(256, 'x'), "it is longer than 255 bytes"},
      {"a*b", "a * stands only at the end"},
      {"*:x", "a * stands only at the end"},
      {"**", "a * stands only at the end"},
      {"inbox:${usr}", "${user} is the only name that it may have in ${}"},
      {"inbox:${user", "${user} is the only name that it may have in ${}"},
      {"inbox:${user}*", "${user} must be a whole part between colons, like inbox:${user} or game:${user}:*"},
      {"inbox-${user}", "${user} must be a whole part between colons, like inbox:${user} or game:${user}:*"},
      {"${user}x", "${user} must be a whole part between colons, like inbox:${user} or game:${user}:*"},
      {"${user}${user}", "${user} must be a whole part between colons, like inbox:${user} or game:${user}:*"},
  };
  for (const auto& [text, why] : rows) {
    INFO(text);
    CHECK(flaw_of(text) == why);
  }
  CHECK(flaw_of(std::string(255, 'x')).empty());
}
