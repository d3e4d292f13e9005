#include "actors/doctor.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <ostream>
#include <sstream>
#include <system_error>
#include <thread>

#include "actors/doctor_audit.hpp"
#include "actors/engine.hpp"
#include "actors/permissions.hpp"
#include "actors/secret_keys.hpp"
#include "actors/tokens.hpp"
#include "codecs/json_writer.hpp"
#include "codecs/jwk.hpp"
#include "runtime/config.hpp"
#include "runtime/descriptors.hpp"
#include "runtime/listener.hpp"
#include "runtime/tls.hpp"
#include "runtime/unique_fd.hpp"
#include "storage/sqlite_doctor.hpp"
#include "storage/vault.hpp"

namespace greenroom {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using wall = std::chrono::system_clock;
using steady = std::chrono::steady_clock;

constexpr std::uint64_t mib = 1u << 20;
constexpr std::uint64_t free_bytes_problem = 64 * mib, free_bytes_warning = 1024 * mib;
constexpr auto sync_warning = 20ms;
constexpr int syncs = 16;
constexpr auto clocks_apart = 100ms;
constexpr std::int64_t future_ms = 60'000;
constexpr std::int64_t certificate_days_warning = 14;
constexpr std::int64_t year_min = 2024, year_max = 2100;

struct report {
  std::vector<finding> all;

  void ok(std::string check, std::string sentence) {
    all.push_back({verdict::ok, std::move(check), std::move(sentence)});
  }
  void warning(std::string check, std::string sentence, std::string advice) {
    all.push_back({verdict::warning, std::move(check), std::move(sentence), std::move(advice)});
  }
  void problem(std::string check, std::string sentence, std::string advice) {
    all.push_back({verdict::problem, std::move(check), std::move(sentence), std::move(advice)});
  }
};

std::string size(std::uint64_t bytes) {
  constexpr std::uint64_t kib = 1u << 10, few = 10;
  return bytes < few * mib ? std::to_string(bytes / kib) + " KiB" : std::to_string(bytes / mib) + " MiB";
}

std::string plural(std::ptrdiff_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string milliseconds(steady::duration time) {
  const auto tenths = std::chrono::duration_cast<std::chrono::microseconds>(time).count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " ms";
}

/// The pid of the node that holds the directory; 0: none. The lock is tried, as only that tells, and let go at once.
int holder_of(const fs::path& directory) {
  const runtime::unique_fd file{::open((directory / "lock").c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file || ::flock(file.get(), LOCK_SH | LOCK_NB) == 0) return 0;
  int pid = -1;
  std::ifstream{directory / "lock"} >> pid;
  return pid;
}

void check_config(const runtime::config_result& loaded, const serve_options& of, report& to) {
  for (const auto& each : loaded.problems)
    to.problem("config", each.text(), "correct it; `greenroom config doc` explains every key");
  if (loaded.problems.empty())
    to.ok("config", (of.config.empty() ? "the defaults" : of.config) + " with the environment: no problems");
}

/// Null where the config names no key, or one that cannot be used.
std::shared_ptr<storage::vault> check_secret_keys(const runtime::config& config, report& to) {
  try {
    auto vault = make_vault(config.secrets);
    if (vault) to.ok("secrets", "every key of secrets.keys can be used; the newest is " + vault->newest());
    return vault;
  } catch (const bad_config& e) {
    to.problem("secrets", e.what(), "a node does not start with it; docs/operating.md says what a key must be");
    return nullptr;
  }
}

/// Whether the config has the keys that the database needs.
void check_secrets(const storage::sqlite_findings& database, const storage::vault* vault, report& to) {
  const auto wrong = vault ? wrong_keys(*vault, database.secrets) : std::vector<std::string>{};
  for (const auto& each : database.keks) {
    const auto sentence = plural(static_cast<std::ptrdiff_t>(each.count), "data key") + " of the database " +
                          (each.count == 1 ? "is" : "are") + " encrypted under the key " + each.kek;
    if (!vault || !vault->has(each.kek))
      to.problem("secrets", sentence + ", which secrets.keys does not name",
                 "name it: its secrets and rooms are unavailable without it, and nothing is lost");
    else if (std::ranges::find(wrong, each.kek) != wrong.end())
      to.problem("secrets", sentence + ", and secrets.keys has another key of that id",
                 "give the right one its id back");
    else if (each.kek != vault->newest())
      to.warning("secrets", sentence + ", which is not the newest", "`greenroom secrets rotate` while the node runs");
    else
      to.ok("secrets", sentence);
  }
}

/// Fetches each set, as the node would.
void check_key_sets(key_sets& sets, const runtime::config& config, report& to) {
  const runtime::fetch_options how{.timeout = std::chrono::milliseconds{config.tokens.fetch_timeout_ms}};
  for (std::size_t set = 0; set < sets.remotes(); ++set) {
    const auto got = runtime::fetch(sets.url(set), how);
    std::string why = got.why;
    const auto read = got.what == runtime::fetch_outcome::ok
                          ? codecs::read_jwk_set(got.body, codecs::jwk_origin::fetched, why)
                          : std::nullopt;
    if (read && !read->keys.empty())
      to.ok("tokens", sets.url(set) + ": " + plural(static_cast<std::ptrdiff_t>(read->keys.size()), "key"));
    else
      to.warning("tokens", sets.url(set) + ": " + (read ? "the set holds no key that could check a token" : why),
                 "a node starts without it and tries again; it accepts no token of it until then");
  }
}

void check_tokens(const runtime::config& config, const fs::path& directory, const storage::vault* vault, report& to) {
  auto secrets = secrets_of(
      [file = (directory / "greenroom.db").string()](const auto& name) { return storage::look_up_secret(file, name); },
      vault);
  try {
    if (const auto sets = make_key_sets(config.tokens, std::move(secrets))) {
      to.ok("tokens", "every key of tokens.keys can be used");
      check_key_sets(*sets, config, to);
    }
  } catch (const bad_config& e) {
    to.problem("tokens", e.what(), "a node does not start with it; docs/operating.md says what each file must hold");
  }
}

void check_grants(const runtime::config& config, report& to) {
  try {
    if (make_permissions(config)) to.ok("grants", "every grant can be used");
  } catch (const bad_config& e) {
    to.problem("grants", e.what(), "a node does not start with it; docs/config.md says what a grant holds");
  }
}

/// Whether a socket of that process listens on the port, as far as /proc shows it.
bool is_listening(int pid, std::uint16_t port) {
  std::vector<std::string> sockets;
  std::error_code none;
  for (const auto& each : fs::directory_iterator{"/proc/" + std::to_string(pid) + "/fd", none}) {
    const auto target = fs::read_symlink(each.path(), none).string();
    if (target.starts_with("socket:[")) sockets.push_back(target.substr(8, target.size() - 9));
  }
  for (const auto* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream rows{table};
    std::string line;
    for (std::getline(rows, line); std::getline(rows, line);) {
      std::istringstream row{line};
      std::string slot, local, remote, state, skipped, inode;
      row >> slot >> local >> remote >> state;
      for (int i = 0; i < 5; ++i) row >> skipped;  // queues, timer, retransmissions, user, time-out
      row >> inode;
      constexpr auto listens = "0A";
      const auto colon = local.find(':');
      if (state != listens || colon == std::string::npos || std::stoul(local.substr(colon + 1), nullptr, 16) != port)
        continue;
      if (std::ranges::find(sockets, inode) != sockets.end()) return true;
    }
  }
  return false;
}

void check_ports(const runtime::config& config, int node, report& to) {
  for (const auto& text : config.gateway.listen) {
    const auto address = runtime::listen_address::parse(text);
    if (!address) {
      to.problem("port", text + " is no numeric address with a port", "correct gateway.listen");
      continue;
    }
    try {
      runtime::probe(*address);
      if (node == 0 || address->port == 0)
        to.ok("port", text + " is free");
      else
        to.warning("port", text + " is free, but the node with pid " + std::to_string(node) + " runs",
                   "it was started with other addresses: give --config, --set and the environment as it has them");
    } catch (const std::system_error& e) {
      if (e.code().value() != EADDRINUSE)
        to.problem("port", e.what(), "choose another address in gateway.listen");
      else if (node > 0 && is_listening(node, address->port))
        to.ok("port", text + " is held by the running node, pid " + std::to_string(node));
      else
        to.problem("port", text + " is taken by another program",
                   "stop it (`ss -ltnp` names it) or choose another address in gateway.listen");
    }
  }
}

void check_certificate(const runtime::config& config, report& to) {
  const auto speaks_tls = [](const auto& text) {
    const auto address = runtime::listen_address::parse(text);
    return address && address->tls;
  };
  if (std::ranges::none_of(config.gateway.listen, speaks_tls)) return;
  try {
    const auto found = runtime::tls_context{config.tls}.certificate();
    const auto now = wall::now();
    const auto days = std::chrono::floor<std::chrono::days>(found.not_after - now).count();
    const auto sentence = config.tls.certificate + " is for " + found.subject;
    if (found.not_after < now)
      to.problem("certificate", sentence + " and has expired", "renew it: a running node takes the new one by itself");
    else if (found.not_before > now)
      to.problem("certificate", sentence + " and is not valid yet", "wait, or set the clock");
    else if (days < certificate_days_warning)
      to.warning("certificate", sentence + " and expires in " + plural(days, "day"),
                 "renew it: a running node takes the new one by itself");
    else
      to.ok("certificate", sentence + " and is good for " + plural(days, "day"));
  } catch (const runtime::tls_error& e) {
    to.problem("certificate", e.what(), "correct the file, or what [tls] says of it");
  }
}

/// Of the running node where there is one, else what a node would get from here.
std::optional<std::uint64_t> descriptors_of(int node) {
  if (node > 0) {
    std::ifstream limits{"/proc/" + std::to_string(node) + "/limits"};
    for (std::string line; std::getline(limits, line);)
      if (line.starts_with("Max open files"))
        return std::strtoull(line.c_str() + std::strlen("Max open files"), nullptr, 10);
    return {};
  }
  rlimit now{};
  if (::getrlimit(RLIMIT_NOFILE, &now) != 0) return {};
  return now.rlim_max;  // a node takes what it may
}

void check_descriptors(const runtime::config& config, int node, report& to) {
  const std::uint64_t shards =
      config.node.shards != 0 ? config.node.shards : std::max(1u, std::thread::hardware_concurrency());
  const auto wanted = shards * config.gateway.connections_max + runtime::descriptors_beside;
  const auto there = descriptors_of(node);
  if (!there) return to.warning("descriptors", "the limit of the running node cannot be read", "run this as its user");
  const auto sentence = std::to_string(*there) + " descriptors; " + std::to_string(shards) + " shards with " +
                        std::to_string(config.gateway.connections_max) + " connections each want " +
                        std::to_string(wanted);
  if (*there >= wanted)
    to.ok("descriptors", sentence);
  else
    to.warning("descriptors", sentence, "raise LimitNOFILE (ulimit -n), or lower gateway.connections_max");
}

/// How long it takes to have a page on disk: the median of some.
std::optional<steady::duration> time_of_sync(const fs::path& directory, std::string& why) {
  const auto path = directory / (".doctor-" + std::to_string(::getpid()));
  const runtime::unique_fd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  std::array<steady::duration, syncs> took{};
  bool failed = !file;
  constexpr std::array<char, 4096> page{};
  for (auto& each : took) {
    const auto began = steady::now();
    failed = failed || ::write(file.get(), page.data(), page.size()) != static_cast<ssize_t>(page.size()) ||
             ::fdatasync(file.get()) != 0;
    each = steady::now() - began;
    if (failed) break;
  }
  if (failed) why = std::strerror(errno);
  if (file) ::unlink(path.c_str());
  if (failed) return {};
  std::ranges::nth_element(took, took.begin() + syncs / 2);
  return took[syncs / 2];
}

void check_disk(const fs::path& directory, report& to) {
  struct statvfs disk {};
  if (::statvfs(directory.c_str(), &disk) != 0)
    return to.problem("disk", directory.string() + ": " + std::strerror(errno), "make it readable");
  const auto left = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  const auto sentence = size(left) + " are free in " + directory.string();
  const auto* advice = "make room, or move node.data_dir: without space the store refuses messages";
  if (left < free_bytes_problem)
    to.problem("disk", sentence, advice);
  else if (left < free_bytes_warning)
    to.warning("disk", sentence, advice);
  else
    to.ok("disk", sentence);

  std::string why;
  const auto sync = time_of_sync(directory, why);
  if (!sync)
    return to.problem("disk", directory.string() + " cannot be written: " + why,
                      "give it to the node's user, mode 0700");
  const auto measured = "a page is on disk after " + milliseconds(*sync);
  if (*sync > sync_warning)
    to.warning("disk", measured, "every acknowledgement of a stored message waits for it: use a faster disk");
  else
    to.ok("disk", measured);
}

void check_database(const fs::path& directory, const runtime::config& config, storage::sqlite_findings& found,
                    report& to) {
  const auto path = directory / "greenroom.db";
  found = storage::look_at(path.string());
  for (const auto& each : found.set_aside)
    to.warning("database", each + " is a damaged database that a node has set aside, with what only it held",
               "restore a backup, or look into it with SQLite's `.recover`; then move it away");
  if (!found.there) return to.ok("database", path.string() + " is not there yet: a node makes it");
  if (!found.trouble.empty())
    return to.problem("database", path.string() + ": " + found.trouble,
                      found.damaged
                          ? "restore a backup into another directory; a node that opens this file sets it aside "
                            "and begins with an empty one"
                          : "start the build that wrote it, or give another --data");
  to.ok("database", path.string() + ": " + size(found.database_bytes) + ", version " + std::to_string(found.version) +
                        (found.version < found.version_of_build
                             ? " (a node brings it to version " + std::to_string(found.version_of_build) + ")"
                             : "") +
                        ", nothing is damaged");
  if (found.suspect)
    to.warning("database", "a node met damage in it", "restart the node: it looks at everything first");
  const auto sentence = "its WAL has " + size(found.wal_bytes);
  if (found.wal_bytes > 2 * config.store.wal_bytes_max)
    to.warning("database", sentence + ", more than twice store.wal_bytes_max",
               "something reads for a long time, or the last node did not stop: it shrinks with the next start");
  else
    to.ok("database", sentence);
}

/// `began`: both clocks before everything else.
void check_clock(std::pair<wall::time_point, steady::time_point> began, const storage::sqlite_findings& found,
                 report& to) {
  const auto now = wall::now();
  const auto year = static_cast<int>(std::chrono::year_month_day{std::chrono::floor<std::chrono::days>(now)}.year());
  if (year < year_min || year > year_max)
    return to.problem("clock", "the year is " + std::to_string(year), "set the clock before a node starts");
  const auto apart = std::chrono::abs((now - began.first) - (steady::now() - began.second));
  const auto ahead =
      found.newest_ms - std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  if (ahead > future_ms)
    to.problem("clock", "the newest stored message is " + std::to_string(ahead / 1'000) + " s in the future",
               "set the clock: it was ahead when the message was stored, or it is behind now");
  else if (apart > clocks_apart)
    to.warning("clock", "it was set while this command looked, by " + milliseconds(apart),
               "let NTP slew it, not step it");
  else
    to.ok("clock", "the year is " + std::to_string(year) + ", and nothing stored is newer than now");
}

std::string_view word(verdict what) {
  switch (what) {
    case verdict::ok: return "ok";
    case verdict::warning: return "warning";
    case verdict::problem: return "problem";
  }
  return {};
}

std::string as_text(const finding& from) {
  std::string line{word(from.what)};
  line.append(9 - line.size(), ' ').append(from.check).append(": ");
  line.append(from.sentence);
  if (!from.advice.empty()) line.append("\n         -> ").append(from.advice);
  return line;
}

std::string as_json(const finding& from) {
  std::string line;
  codecs::json_writer json{line};
  json.begin_object();
  json.key("verdict"), json.text(word(from.what));
  json.key("check"), json.text(from.check);
  json.key("finding"), json.text(from.sentence);
  if (!from.advice.empty()) json.key("advice"), json.text(from.advice);
  json.end_object();
  return line;
}

}  // namespace

std::vector<finding> examine(const serve_options& of) {
  const std::pair began{wall::now(), steady::now()};
  report to;
  const auto loaded = load(of);
  check_config(loaded, of, to);
  if (!loaded.problems.empty()) return to.all;  // nothing else would look where the node does
  const auto& config = loaded.value;
  const fs::path directory{config.node.data_dir};
  const bool there = fs::is_directory(directory);
  const auto node = there ? holder_of(directory) : 0;
  if (node != 0)
    to.ok("node", node > 0 ? "it runs, pid " + std::to_string(node) : "it runs");
  else
    to.ok("node", "none runs in " + directory.string());
  const auto vault = check_secret_keys(config, to);
  check_tokens(config, directory, vault.get(), to);
  check_grants(config, to);
  check_ports(config, node, to);
  check_certificate(config, to);
  check_descriptors(config, node, to);
  storage::sqlite_findings database;
  for (auto& each : examine_audit(config, directory)) to.all.push_back(std::move(each));
  if (there) {
    check_disk(directory, to);
    check_database(directory, config, database, to);
    check_secrets(database, vault.get(), to);
  } else {
    to.ok("disk", directory.string() + " is not there yet: a node makes it");
  }
  check_clock(began, database, to);
  return to.all;
}

int doctor(const serve_options& of, report_as how, std::ostream& out) {
  const auto all = examine(of);
  for (const auto& each : all) out << (how == report_as::json ? as_json(each) : as_text(each)) << '\n';
  const auto count = [&](verdict what) { return std::ranges::count(all, what, &finding::what); };
  if (how == report_as::text)
    out << plural(count(verdict::problem), "problem") << ", " << plural(count(verdict::warning), "warning") << '\n';
  return count(verdict::problem) == 0 ? 0 : 1;
}

}  // namespace greenroom
