// The doctor beside a data directory: what it finds, and that it changes nothing.
#include "actors/doctor.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>

#include <unistd.h>

#include "runtime/data_dir.hpp"
#include "storage/sqlite_store.hpp"
#include "tests/support/certificates.hpp"

namespace greenroom::tests {
namespace {

namespace fs = std::filesystem;

struct patient {
  patient() { fs::create_directories(directory); }
  ~patient() { fs::remove_all(directory); }

  std::vector<finding> look() const { return examine({.data = directory.string(), .listen = {"127.0.0.1:0"}}); }
  /// What it says of one check, other than that all is well.
  std::vector<finding> complaints(std::string_view check) const {
    auto all = look();
    std::erase_if(all, [&](const finding& each) { return each.check != check || each.what == verdict::ok; });
    return all;
  }
  std::string database() const { return (directory / "greenroom.db").string(); }
  void store(std::int64_t at_ms, int count = 1) const {
    const auto disk = storage::open_sqlite_store({.path = database()});
    for (int i = 0; i < count; ++i)
      disk->commit(storage::append{.log = "lobby",
                                   .body = std::make_shared<const std::string>(2'000, 'x'),
                                   .at_ms = at_ms,
                                   .keep = {.count = 1'000}});
  }

  fs::path directory = fs::temp_directory_path() / ("greenroom-doctor-" + std::to_string(::getpid()));
};

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

TEST_CASE("doctor: an empty directory and a healthy database have no problems, and stay as they are",
          "[actors][doctor]") {
  const patient p;
  if (GENERATE(false, true)) p.store(now_ms());
  const auto entries = [&] { return std::distance(fs::directory_iterator{p.directory}, fs::directory_iterator{}); };
  p.look();  // SQLite may leave its index of the WAL
  const auto before = entries();
  for (const auto& each : p.look()) {
    INFO(each.sentence);
    CHECK(each.what != verdict::problem);
    CHECK(each.advice.empty() == (each.what == verdict::ok));
  }
  CHECK(entries() == before);
}

TEST_CASE("doctor: a directory that is not there is made by a node", "[actors][doctor]") {
  const auto all = examine({.data = "/nowhere/at/all", .listen = {"127.0.0.1:0"}});
  CHECK(std::ranges::count(all, verdict::problem, &finding::what) == 0);
  CHECK_FALSE(fs::exists("/nowhere"));
}

TEST_CASE("doctor: a database with bad pages is a problem", "[actors][doctor]") {
  const patient p;
  p.store(now_ms(), 100);
  const auto size = fs::file_size(p.database());
  {
    std::fstream file{p.database(), std::ios::in | std::ios::out | std::ios::binary};
    for (std::uintmax_t at = 4'096; at < size; at += 4'096)
      file.seekp(static_cast<std::streamoff>(at)).write("garbage!", 8);
  }
  const auto found = p.complaints("database");
  REQUIRE(found.size() == 1);
  CHECK(found[0].what == verdict::problem);
  CHECK(found[0].sentence.find("damaged") != std::string::npos);
}

TEST_CASE("doctor: what is no database of ours is a problem", "[actors][doctor]") {
  const patient p;
  std::ofstream{p.database()} << std::string(10'000, 'x');
  const auto found = p.complaints("database");
  REQUIRE(found.size() == 1);
  CHECK(found[0].what == verdict::problem);
}

TEST_CASE("doctor: a file that was set aside is a warning that names it", "[actors][doctor]") {
  const patient p;
  p.store(now_ms());
  std::ofstream{p.database() + ".damaged-1"} << "x";
  const auto found = p.complaints("database");
  REQUIRE(found.size() == 1);
  CHECK(found[0].what == verdict::warning);
  CHECK(found[0].sentence.starts_with(p.database() + ".damaged-1"));
}

TEST_CASE("doctor: a message from the future is a problem of the clock", "[actors][doctor]") {
  const patient p;
  p.store(now_ms() + 3'600'000);
  const auto found = p.complaints("clock");
  REQUIRE(found.size() == 1);
  CHECK(found[0].what == verdict::problem);
}

TEST_CASE("doctor: whoever holds the directory is named, and a free port of a running node is a warning",
          "[actors][doctor]") {
  const patient p;
  const runtime::data_dir held{p.directory};
  const auto all = examine({.data = p.directory.string(), .listen = {"127.0.0.1:9"}});
  const auto node = std::ranges::find(all, "node", &finding::check);
  REQUIRE(node != all.end());
  CHECK(node->sentence == "it runs, pid " + std::to_string(::getpid()));
  const auto port = std::ranges::find(all, "port", &finding::check);
  REQUIRE(port != all.end());
  CHECK(port->what == (::geteuid() == 0 ? verdict::warning : verdict::problem));  // only root may bind below 1024
}

TEST_CASE("doctor: a config with problems ends the look, with one finding each", "[actors][doctor]") {
  const auto all = examine({.set = {"gateway.ping_intervall_ms=1s", "node.shards=many"}});
  REQUIRE(all.size() == 2);
  CHECK(std::ranges::count(all, verdict::problem, &finding::what) == 2);
}

TEST_CASE("doctor: a certificate that is missing, over or nearly over is told before clients do", "[actors][doctor]") {
  const patient p;
  const authority ca{"Test CA"};
  const certificate_files files;
  const auto look = [&](authority::span valid) {
    const auto written = files.config(ca.issue("localhost", valid));
    auto all = examine({.data = p.directory.string(),
                        .listen = {"tls://127.0.0.1:0"},
                        .set = {"tls.certificate=" + written.certificate, "tls.key=" + written.key}});
    std::erase_if(all, [](const finding& each) { return each.check != "certificate"; });
    return all;
  };
  using namespace std::chrono_literals;
  struct row {
    authority::span valid;
    verdict said;
    const char* end;
  };
  for (const auto& row :
       {row{{-1h, 24h * 30}, verdict::ok, "is good for 29 days"},
        row{{-1h, 49h}, verdict::warning, "expires in 2 days"}, row{{-48h, -24h}, verdict::problem, "has expired"},
        row{{1h, 24h}, verdict::problem, "is not valid yet"}}) {
    const auto found = look(row.valid);
    REQUIRE(found.size() == 1);
    CHECK(found[0].what == row.said);
    CHECK(found[0].sentence.ends_with(row.end));
    CHECK(found[0].sentence.find("is for CN=localhost") != std::string::npos);
  }
  const auto foreign = files.write("other.pem", ca.issue("other").key);
  const auto good = files.config(ca.issue("localhost"));
  auto all = examine({.data = p.directory.string(),
                      .listen = {"tls://127.0.0.1:0"},
                      .set = {"tls.certificate=" + good.certificate, "tls.key=" + foreign}});
  std::erase_if(all, [](const finding& each) { return each.check != "certificate"; });
  REQUIRE(all.size() == 1);
  CHECK(all[0].what == verdict::problem);
  CHECK(all[0].sentence.find("this is not the key of") != std::string::npos);
}

}  // namespace greenroom::tests
