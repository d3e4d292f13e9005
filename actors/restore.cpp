#include "actors/restore.hpp"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <ostream>
#include <system_error>

#include "actors/engine.hpp"
#include "actors/secret_keys.hpp"
#include "actors/stores.hpp"
#include "codecs/json_writer.hpp"
#include "runtime/data_dir.hpp"
#include "storage/audit_log.hpp"
#include "storage/sqlite_backup.hpp"

namespace greenroom {
namespace {

namespace fs = std::filesystem;

restore_exit refuse(std::ostream& err, restore_exit how, const std::string& why) {
  err << "greenroom: " << why << '\n';
  return how;
}

std::string as_text(const storage::restored& done, const restore_options& what, const fs::path& directory) {
  const auto count = [](std::uint64_t n, std::string one) {
    return std::to_string(n) + " " + one + (n == 1 ? "" : one.ends_with("x") ? "es" : "s");
  };
  std::string text = "restored " + what.backup + " into " + directory.string() + ": " + count(done.logs, "room") +
                     " with " + count(done.messages, "message") + ", each in a new epoch; " +
                     count(done.inboxes, "inbox") + " with " + count(done.letters, "message") +
                     ", numbered 1,000,000 higher from now on; " + count(done.dead, "dead letter") + "; " +
                     count(done.sessions_ended, "session") + " ended, their resume tokens are void";
  if (done.damaged != 0) text += "; " + count(done.damaged, "damaged row") + " accepted";
  return text;
}

std::string as_json(const storage::restored& done) {
  std::string out;
  codecs::json_writer json{out};
  json.begin_object();
  for (const auto& [name, count] : {std::pair{"rooms", done.logs},
                                    {"messages", done.messages},
                                    {"inboxes", done.inboxes},
                                    {"waiting", done.letters},
                                    {"dead_letters", done.dead},
                                    {"sessions_ended", done.sessions_ended},
                                    {"damaged_rows", done.damaged}})
    json.key(name), json.natural(count);
  json.end_object();
  return out;
}

/// The node that runs here later goes on behind this line. What is restored stays so where it cannot be written.
void record(const runtime::config& config, const fs::path& directory, const restore_options& what, std::ostream& err) {
  if (config.audit.level < runtime::audit_level::sessions) return;
  using namespace std::chrono;
  const auto now_ms = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  const storage::audit_record line{.at_ms = now_ms,
                                   .action = "admin.restore",
                                   .decision = storage::audit_decision::done,
                                   .members = {{"user", "uid:" + std::to_string(::getuid())},
                                               {"target", what.backup},
                                               {"detail", "pid " + std::to_string(::getpid())}}};
  try {
    storage::audit_log log{{directory / "audit", config.audit.file_bytes_max, config.audit.files_max}};
    auto failed = log.append({&line, 1}, now_ms);
    if (!failed) failed = log.checkpoint(now_ms);
    if (failed) throw std::system_error{failed, "it cannot be written"};
  } catch (const std::exception& e) {
    err << "greenroom: the audit log does not say so: " << e.what() << '\n';
  }
}

}  // namespace

restore_exit restore(const restore_options& what, std::ostream& out, std::ostream& err) {
  const auto loaded = load(what.node);
  for (const auto& each : loaded.problems) refuse(err, restore_exit::bad_config, each.text());
  if (!loaded.problems.empty()) return restore_exit::bad_config;
  if (!fs::is_regular_file(what.backup))
    return refuse(err, restore_exit::no_input, "there is no backup " + what.backup);
  try {
    const auto keys = make_vault(loaded.value.secrets);
    const runtime::data_dir directory{loaded.value.node.data_dir};
    for (const auto* end : {"", "-wal"})
      if (const auto file = directory.database().string() + end; fs::exists(file))
        return refuse(err, restore_exit::refused, file + " is there already: restore into an empty directory");
    const auto done =
        storage::restore(what.backup, store_options(loaded.value, directory.database(), keys),
                         what.accept_damage ? storage::damaged_rows::accept : storage::damaged_rows::refuse);
    record(loaded.value, directory.path(), what, err);
    out << (what.json ? as_json(done) : as_text(done, what, directory.path())) << '\n';
    return restore_exit::restored;
  } catch (const bad_config& e) {
    return refuse(err, restore_exit::bad_config, e.what());
  } catch (const storage::backup_error& e) {
    return refuse(err, restore_exit::refused, e.what());
  } catch (const std::system_error& e) {
    return refuse(err, restore_exit::taken, e.what());
  }
}

}  // namespace greenroom
