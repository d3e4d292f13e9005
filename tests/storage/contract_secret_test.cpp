// What every backend promises about secrets, none of which it can open.
#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

stored_secret secret_of(std::string name, std::string kek = "a") {
  return {
      .name = name, .kek = std::move(kek), .wrapped = "wrapped " + name, .sealed = "sealed " + name, .changed_ms = 7};
}

strings names_of(const std::vector<stored_secret>& all) {
  strings names;
  for (const auto& each : all) names.push_back(each.name);
  return names;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("store: a secret comes back as it was put, and the next one takes its place", "[contract]",
                        backends) {
  TestType backend;
  auto& s = *backend;
  CHECK_FALSE(s.secret("one"));
  CHECK(s.commit(secret_put{secret_of("one")}).ok());
  CHECK(s.secret("one") == secret_of("one"));
  auto changed = secret_of("one", "b");
  changed.sealed = std::string("\0other", 6);
  CHECK(s.commit(secret_put{changed}).ok());
  CHECK(s.secret("one") == changed);
  CHECK(s.secrets({}, any).size() == 1);
}

TEMPLATE_LIST_TEST_CASE("store: secrets are listed by name, page by page", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  for (const auto* name : {"c", "a", "d", "b"}) s.commit(secret_put{secret_of(name)});
  CHECK(names_of(s.secrets({}, 3)) == strings{"a", "b", "c"});
  CHECK(names_of(s.secrets("c", 3)) == strings{"d"});
  CHECK(names_of(s.secrets("b", 1)) == strings{"c"});
  CHECK(s.secrets("d", 3).empty());
}

TEMPLATE_LIST_TEST_CASE("store: an erased secret is gone, and there was only one", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  s.commit(secret_put{secret_of("one")});
  CHECK(s.commit(secret_erase{"other"}).error == errc::not_found);
  CHECK(s.commit(secret_erase{"one"}).ok());
  CHECK(s.commit(secret_erase{"one"}).error == errc::not_found);
  CHECK_FALSE(s.secret("one"));
}

TEMPLATE_LIST_TEST_CASE("store: a data key is wrapped anew only where it is still what it was", "[contract]",
                        backends) {
  TestType backend;
  auto& s = *backend;
  s.commit(secret_put{secret_of("one")});
  s.commit(secret_put{secret_of("two")});
  CHECK(s.keks() == std::vector<kek_use>{{"a", 2}});
  CHECK(s.commit(secret_rewrap{"one", "wrapped two", "b", "again"}).error == errc::not_found);
  CHECK(s.commit(secret_rewrap{"none", "wrapped one", "b", "again"}).error == errc::not_found);
  CHECK(s.secret("one") == secret_of("one"));
  CHECK(s.commit(secret_rewrap{"one", "wrapped one", "b", "again"}).ok());
  auto expected = secret_of("one", "b");
  expected.wrapped = "again";
  CHECK(s.secret("one") == expected);
  CHECK(s.keks() == std::vector<kek_use>{{"a", 1}, {"b", 1}});
}

TEMPLATE_LIST_TEST_CASE("store: names, values and numbers of secrets are bounded", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  auto long_name = secret_of(std::string(limits::secret_name_bytes_max, 'n'));
  long_name.wrapped = "w";
  CHECK(s.commit(secret_put{long_name}).ok());
  CHECK(s.commit(secret_put{secret_of(std::string(limits::secret_name_bytes_max + 1, 'n'))}).error == errc::too_large);
  CHECK(s.commit(secret_put{secret_of("")}).error == errc::too_large);
  CHECK(s.commit(secret_put{secret_of(std::string{reserved_names} + "log 1")}).error == errc::too_large);
  auto large = secret_of("large");
  large.sealed.assign(limits::secret_bytes_max + limits::secret_overhead_bytes, 's');
  CHECK(s.commit(secret_put{large}).ok());
  large.sealed += 's';
  CHECK(s.commit(secret_put{large}).error == errc::too_large);
  std::vector<operation> batch;
  for (std::size_t i = 2; i < limits::secrets_max; ++i) {
    batch.emplace_back(secret_put{secret_of(numbered("n", static_cast<int>(i)))});
    if (batch.size() == limits::batch_operations_max || i + 1 == limits::secrets_max) {
      for (const auto& each : s.commit(batch)) REQUIRE(each.ok());
      batch.clear();
    }
  }
  CHECK(s.commit(secret_put{secret_of("one more")}).error == errc::unavailable);
  CHECK(s.commit(secret_put{secret_of("n7")}).ok());
  CHECK(s.commit(secret_erase{"n7"}).ok());
  CHECK(s.commit(secret_put{secret_of("one more")}).ok());
}

TEST_CASE("store: secrets are there after a restart", "[sqlite]") {
  sqlite_backend backend;
  (*backend).commit(secret_put{secret_of("one")});
  backend.restart();
  CHECK((*backend).secret("one") == secret_of("one"));
}

}  // namespace greenroom::storage::testing
