// Secrets through the line protocol of admin.sock, and rotations that the store interrupts.
#include <boost/json/parse.hpp>

#include "actors/admin.hpp"
#include "actors/secret_keys.hpp"
#include "actors/secret_store.hpp"
#include "runtime/local_socket.hpp"
#include "storage/vault.hpp"
#include "tests/support/durable_fixture.hpp"

namespace greenroom::tests {
namespace {

using storage::vault;

struct desk_peer : runtime::local_peer {
  strings lines;
  void send_line(std::string_view line) override { lines.emplace_back(line); }
  void close() override {}
};

std::shared_ptr<vault> vault_of(std::initializer_list<std::pair<const char*, char>> keys) {
  std::vector<vault::kek> all;
  for (const auto& [id, fill] : keys) all.push_back({id, *storage::secret_key::of(std::string(32, fill))});
  return std::make_shared<vault>(std::move(all));
}

}  // namespace

struct secret_fixture : durable_fixture {
  json command(std::string_view name, std::string_view members = {}) {
    if (!admin_) {
      auto store = keep(secret_store::spawn(here(nurse()), {ctx()}));
      admin_ = keep(admin::spawn(here(nurse()), {ctx(), {}, store}));
    }
    std::string line = R"({"command":")";
    line.append(name).append("\"").append(members.empty() ? "" : ",").append(members).append("}");
    tell(admin_, admin::request{desk_, std::move(line)});
    settle();
    REQUIRE(desk_->lines.size() == 1);
    auto answer = boost::json::parse(desk_->lines.front());
    desk_->lines.clear();
    return answer;
  }
  void keep_secrets(int count) {
    for (int i = 0; i < count; ++i)
      disk().commit(storage::secret_put{ctx().vault->seal("name " + std::to_string(i), "value", 1)});
  }
  std::string value_of(const std::string& name) {
    const auto read = secrets_of([this](const auto& which) { return disk().secret(which); }, ctx().vault.get());
    try {
      return std::string{read(name).view()};
    } catch (const secret_error& e) {
      return std::string{"! "} + e.what();
    }
  }

 private:
  std::shared_ptr<desk_peer> desk_ = std::make_shared<desk_peer>();
  caf::actor admin_;
};

TEST_CASE_METHOD(secret_fixture, "secrets: a value is sealed on its way to the store, and said to who reads it",
                 "[actors][secrets]") {
  ctx().vault = vault_of({{"a", 'a'}});
  CHECK(dump(command("secret_put", R"("name":"db","value":"c3dvcmRmaXNo")")) == "{}");
  CHECK(value_of("db") == "swordfish");
  CHECK(disk().secret("db")->sealed.find("swordfish") == std::string::npos);
  CHECK(dump(command("secret_list"), "secrets") ==
        R"([{"name":"db","key":"a","bytes":9,"changed_ms":)" + std::to_string(ctx().now_ms()) + "}]");
  CHECK(value_of("other").starts_with("! there is no secret of that name"));
  ctx().vault = vault_of({{"b", 'b'}});
  CHECK(value_of("db").find("encrypted under the key \"a\"") != std::string::npos);
  ctx().vault = vault_of({{"a", 'b'}});
  CHECK(value_of("db").find("does not open it") != std::string::npos);
  CHECK(dump(command("secret_erase", R"("name":"db")")) == "{}");
  CHECK(text(command("secret_erase", R"("name":"db")"), "error") == "there is no secret of that name");
}

TEST_CASE_METHOD(secret_fixture, "secrets: what is no secret is refused", "[actors][secrets]") {
  CHECK(text(command("secret_put", R"("name":"db","value":"eA==")"), "error").find("secrets.keys names no key") !=
        std::string::npos);
  CHECK(text(command("secret_rotate"), "error").find("secrets.keys names no key") != std::string::npos);
  ctx().vault = vault_of({{"a", 'a'}});
  for (const auto* members :
       {R"("value":"eA==")", R"("name":"","value":"eA==")", R"("name":"\u0001log 1","value":"eA==")",
        R"("name":"a b","value":"eA==")", R"("name":"db")", R"("name":"db","value":"eA")", R"("name":"db","value":"")",
        R"("name":7,"value":"eA==")"}) {
    CAPTURE(members);
    CHECK_FALSE(text(command("secret_put", members), "error").empty());
  }
  CHECK(disk().secrets({}, 10).empty());
  CHECK_FALSE(text(command("secret_list", R"("limit":0)"), "error").empty());
}

TEST_CASE_METHOD(secret_fixture, "rotation: every data key is wrapped under the newest key, and values stay",
                 "[actors][secrets]") {
  ctx().vault = vault_of({{"a", 'a'}});
  keep_secrets(200);
  ctx().vault = vault_of({{"b", 'b'}, {"a", 'a'}});
  CHECK(dump(command("secret_rotate"), "running") == "true");
  auto now = command("secret_progress");
  CHECK(dump(now, "running") == "false");
  CHECK(number(now, "done") == 200);
  CHECK(number(now, "left") == 0);
  CHECK(disk().keks() == std::vector<storage::kek_use>{{"b", 200}});
  ctx().vault = vault_of({{"b", 'b'}});
  CHECK(value_of("name 199") == "value");
}

TEST_CASE_METHOD(secret_fixture, "rotation: one that the store interrupts says so, and the next goes on where it was",
                 "[actors][secrets]") {
  ctx().vault = vault_of({{"a", 'a'}});
  keep_secrets(200);
  ctx().vault = vault_of({{"b", 'b'}, {"a", 'a'}});
  int batches = 0;
  disk().fate_of = [&](std::span<const storage::operation> batch) {
    return has<storage::secret_rewrap>(batch) && ++batches == 2 ? fate::refused : fate::done;
  };
  command("secret_rotate");
  auto now = command("secret_progress");
  CHECK(text(now, "why") == "the store takes nothing now");
  CHECK(number(now, "done") == 64);
  CHECK(disk().keks() == std::vector<storage::kek_use>{{"a", 136}, {"b", 64}});
  command("secret_rotate");
  now = command("secret_progress");
  CHECK(number(now, "done") == 136);
  CHECK(dump(now, "why") == "-");
  CHECK(disk().keks() == std::vector<storage::kek_use>{{"b", 200}});
}

TEST_CASE_METHOD(secret_fixture, "rotation: what does not open is counted, and stays as it is", "[actors][secrets]") {
  ctx().vault = vault_of({{"c", 'c'}});
  disk().commit(storage::secret_put{ctx().vault->seal("lost", "value", 1)});
  ctx().vault = vault_of({{"a", 'a'}});
  keep_secrets(3);
  ctx().vault = vault_of({{"b", 'b'}, {"a", 'a'}});
  const auto before = disk().secret("lost");
  command("secret_rotate");
  auto now = command("secret_progress");
  CHECK(number(now, "done") == 3);
  CHECK(number(now, "left") == 1);
  CHECK(number(now, "locked") == 1);
  CHECK(disk().secret("lost") == before);
  auto status = command("secret_status");
  CHECK(text(status, "newest") == "b");
  CHECK(dump(status, "keys") == R"([{"id":"b","data_keys":3,"here":true},{"id":"c","data_keys":1,"here":false}])");
}

TEST_CASE_METHOD(secret_fixture, "encryption: a room says to the store how its messages lie on the disk",
                 "[actors][secrets]") {
  policy("durable").encrypted = true;
  std::size_t encrypted = 0, plain = 0;
  disk().before_commit = [&](const storage::operation& what) {
    const auto count = [&](storage::at_rest rest) { ++(rest == storage::at_rest::encrypted ? encrypted : plain); };
    if (const auto* one = std::get_if<storage::append>(&what)) count(one->rest);
    if (const auto* one = std::get_if<storage::log_open>(&what)) count(one->rest);
  };
  auto& ann = user("ann");
  ann.call("room.publish", saying(x, "hi"));
  CHECK(encrypted == 2);
  CHECK(plain == 0);
}

}  // namespace greenroom::tests
