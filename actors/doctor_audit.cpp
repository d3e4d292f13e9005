#include "actors/doctor_audit.hpp"

#include <sys/stat.h>

#include <string>

#include "storage/audit_check.hpp"
#include "storage/audit_log.hpp"

namespace greenroom {
namespace {

namespace fs = std::filesystem;

finding look_at_key(const fs::path& directory) {
  const auto file = storage::audit_key::file_in(directory);
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0)
    return {verdict::warning, "audit", file.string() + " is not there",
            "a node makes a new one: keep the old key.pub, it is what the older lines are checked with"};
  constexpr mode_t others = 0077;
  if ((found.st_mode & others) != 0)
    return {verdict::problem, "audit", file.string() + " can be read by others than its owner",
            "chmod 600 it; who has read it can write the log anew, so that nothing shows it"};
  return {verdict::ok, "audit", file.string() + " is its owner's alone"};
}

finding look_at_chain(const fs::path& directory) {
  const auto found = storage::check_audit(directory, {});
  if (const auto& broken = found.broken)
    return {verdict::problem, "audit",
            (broken->file.empty() ? directory.string() : (directory / broken->file).string()) +
                (broken->row == 0 ? "" : ", row " + std::to_string(broken->row)) + ": " + broken->why,
            "somebody has changed it, or the disk has: keep a copy of the directory, and look into who could"};
  auto sentence = "lines " + std::to_string(found.first) + " to " + std::to_string(found.head.n) +
                  " are as they were written, signed up to " + std::to_string(found.last_signed);
  if (found.lost != 0)
    return {verdict::warning, "audit", sentence + "; the node could not write " + std::to_string(found.lost) + " more",
            "`greenroom audit tail --action audit.lost` says when: raise audit.queue_max, or make room on the disk"};
  return {verdict::ok, "audit", std::move(sentence)};
}

}  // namespace

std::vector<finding> examine_audit(const runtime::config& config, const fs::path& data) {
  const auto directory = data / "audit";
  if (storage::audit_files(directory).empty()) {
    const bool off = config.audit.level == runtime::audit_level::off;
    return {
        {verdict::ok, "audit", off ? "audit.level is off" : directory.string() + " is not there yet: a node makes it"}};
  }
  return {look_at_key(directory), look_at_chain(directory)};
}

}  // namespace greenroom
