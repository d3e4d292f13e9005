#include "storage/audit_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <utility>

namespace greenroom::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t digits = 8;
constexpr std::string_view ending = ".jsonl";
constexpr mode_t owner_only = 0600;

std::error_code last_error() { return {errno, std::generic_category()}; }

fs::path made(fs::path directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    throw std::system_error{errno, std::generic_category(), directory.string()};
  return directory;
}

std::error_code write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto done = ::write(fd, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return last_error();
    if (done == 0) return std::make_error_code(std::errc::no_space_on_device);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  return {};
}

/// From `at` to the end.
std::string read_from(const fs::path& file, std::uint64_t at) {
  std::ifstream in{file, std::ios::binary};
  in.seekg(static_cast<std::streamoff>(at));
  std::string all{std::istreambuf_iterator<char>{in}, {}};
  if (in.bad()) throw std::system_error{EIO, std::generic_category(), file.string()};
  return all;
}

std::optional<audit_line> first_line_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  return read_audit_line(line);
}

}  // namespace

std::string audit_file_name(std::uint64_t number) {
  auto name = std::to_string(number);
  if (name.size() < digits) name.insert(0, digits - name.size(), '0');
  return name.append(ending);
}

std::vector<std::uint64_t> audit_files(const fs::path& directory) {
  std::vector<std::uint64_t> all;
  std::error_code none;
  for (const auto& each : fs::directory_iterator{directory, none}) {
    const auto name = each.path().filename().string();
    std::uint64_t number = 0;
    const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (failed == std::errc{} && number != 0 && name == audit_file_name(number)) all.push_back(number);
  }
  std::ranges::sort(all);
  return all;
}

/// How a file ends.
struct audit_log::tail {
  std::optional<audit_line> last;  ///< the last line that is whole; none: no line is
  std::uint64_t whole = 0;         ///< bytes up to its end
  std::string rest{};              ///< what follows it
};

audit_log::audit_log(audit_log_options from) : from_{std::move(from)}, key_{audit_key::open(made(from_.directory))} {
  directory_ = ::open(from_.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory_ < 0) throw std::system_error{errno, std::generic_category(), from_.directory.string()};
  find_end();
}

audit_log::~audit_log() {
  for (const int each : {fd_, directory_})
    if (each >= 0) ::close(each);
}

fs::path audit_log::path_of(std::uint64_t file) const { return from_.directory / audit_file_name(file); }

/// Looks at more and more of its end until a whole line is in it.
audit_log::tail audit_log::read_tail(std::uint64_t file) const {
  const auto path = path_of(file);
  const auto size = fs::file_size(path);
  constexpr std::uint64_t look_first = 1u << 20;
  for (std::uint64_t look = look_first;; look *= 8) {
    const auto begin = size > look ? size - look : 0;
    auto text = read_from(path, begin);
    for (auto end = text.rfind('\n'); end != std::string::npos;) {
      const auto before = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
      if (before == std::string::npos && begin != 0) break;  // it may begin before what was read
      const auto from = before == std::string::npos ? 0 : before + 1;
      auto line = read_audit_line(std::string_view{text}.substr(from, end - from));
      if (line && line->own_hash_fits) return {std::move(line), begin + end + 1, text.substr(end + 1)};
      end = before;
    }
    if (begin == 0) return {std::nullopt, 0, std::move(text)};
  }
}

/// Behind the newest whole line, in whichever file that is.
void audit_log::find_end() {
  const auto files = audit_files(from_.directory);
  if (files.empty()) return;
  file_ = files.back();
  fd_ = ::open(path_of(file_).c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd_ < 0) throw std::system_error{errno, std::generic_category(), path_of(file_).string()};
  auto end = read_tail(file_);
  if (!end.rest.empty()) put_aside(file_, end);
  offset_ = end.whole;
  for (auto i = files.size() - 1; !end.last && i-- > 0;) end = read_tail(files[i]);
  if (end.last) head_ = {end.last->n, end.last->hash};
  const bool is_signed =
      end.last && (end.last->action == audit_checkpoint_action || end.last->action == audit_file_action);
  signed_ = is_signed || !end.last ? head_.n : head_.n - 1;  // at least one is not: which ones does not matter
  const auto first = first_line_of(path_of(file_));
  other_key_ = first && first->text("key") != key_.public_key().name();
}

/// Nothing that was in a file is lost: what is no whole line goes into a file of its own.
void audit_log::put_aside(std::uint64_t file, const tail& what) {
  auto name = audit_file_name(file);
  name.resize(name.size() - ending.size());
  torn_file_ = name + '.' + std::to_string(what.whole) + ".torn";
  const auto path = from_.directory / torn_file_;
  const int out = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, owner_only);
  if (out < 0) throw std::system_error{errno, std::generic_category(), path.string()};
  auto failed = write_all(out, what.rest);
  if (!failed && ::fsync(out) != 0) failed = last_error();
  ::close(out);
  if (!failed && (::ftruncate(fd_, static_cast<off_t>(what.whole)) != 0 || ::fsync(fd_) != 0)) failed = last_error();
  if (failed) throw std::system_error{failed, path.string()};
  torn_bytes_ = what.rest.size();
  torn_recorded_ = false;
}

audit_record audit_log::signed_record(std::string action, std::int64_t now_ms) const {
  audit_record record{.at_ms = now_ms, .action = std::move(action)};
  record.members.emplace_back("key", key_.public_key().name());
  record.members.emplace_back("signature", key_.sign(audit_signed_text(head_.n + 1, head_.hash, audit_time(now_ms))));
  return record;
}

/// Appends, or leaves the file as it was.
std::error_code audit_log::write(const std::string& bytes) {
  if (damaged_) {
    if (::ftruncate(fd_, static_cast<off_t>(offset_)) != 0) return last_error();
    damaged_ = false;
  }
  if (const auto failed = write_all(fd_, bytes)) {
    damaged_ = ::ftruncate(fd_, static_cast<off_t>(offset_)) != 0;
    return failed;
  }
  offset_ += bytes.size();
  return {};
}

std::error_code audit_log::begin_file(std::int64_t now_ms) {
  const bool reuses = fd_ >= 0 && offset_ == 0;
  if (!reuses) {
    const auto next = file_ + 1;
    const int fd = ::open(path_of(next).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, owner_only);
    if (fd < 0) return last_error();
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
    file_ = next;
    offset_ = 0;
  }
  auto record = signed_record(std::string{audit_file_action}, now_ms);
  record.members.emplace(record.members.begin(), "file", static_cast<std::int64_t>(file_));
  auto place = head_;
  const auto bytes = write_audit_line(record, place) + '\n';
  if (const auto failed = write(bytes)) return failed;
  head_ = std::move(place);
  signed_ = head_.n;
  ++lines_;
  other_key_ = false;
  if (::fsync(fd_) != 0 || ::fsync(directory_) != 0) return last_error();
  return reuses ? std::error_code{} : trim(now_ms);
}

/// The line that says so is on disk before the file goes.
std::error_code audit_log::trim(std::int64_t now_ms) {
  auto files = audit_files(from_.directory);
  const auto keep = std::max<std::size_t>(from_.files_max, 2);
  while (files.size() > keep) {
    const auto first = first_line_of(path_of(files[0])), next = first_line_of(path_of(files[1]));
    audit_record record{.at_ms = now_ms, .action = std::string{audit_trimmed_action}};
    record.members.emplace_back("file", static_cast<std::int64_t>(files[0]));
    if (first) record.members.emplace_back("first", static_cast<std::int64_t>(first->n));
    if (next) record.members.emplace_back("last", static_cast<std::int64_t>(next->n - 1));
    record.members.emplace_back("last_hash", next ? next->prev : std::string{});
    auto place = head_;
    const auto bytes = write_audit_line(record, place) + '\n';
    if (const auto failed = write(bytes)) return failed;
    head_ = std::move(place);
    ++lines_;
    if (const auto failed = sync()) return failed;
    std::error_code ignored;
    fs::remove(path_of(files[0]), ignored);
    const auto stem = audit_file_name(files[0]).substr(0, digits) + '.';
    for (const auto& each : fs::directory_iterator{from_.directory, ignored})
      if (const auto name = each.path().filename().string(); name.starts_with(stem) && name.ends_with(".torn"))
        fs::remove(each.path(), ignored);
    files.erase(files.begin());
  }
  return {};
}

std::error_code audit_log::append(std::span<const audit_record> lines, std::int64_t now_ms) {
  if (fd_ < 0 || offset_ == 0 || offset_ >= from_.file_bytes_max || other_key_) {
    if (offset_ != 0 && !other_key_)
      if (const auto failed = checkpoint(now_ms)) return failed;
    if (const auto failed = begin_file(now_ms)) return failed;
  }
  auto place = head_;
  std::string bytes;
  if (!torn_recorded_) {
    const audit_record torn{.at_ms = now_ms,
                            .action = std::string{audit_torn_action},
                            .members = {{"file", torn_file_}, {"bytes", static_cast<std::int64_t>(torn_bytes_)}}};
    bytes += write_audit_line(torn, place) += '\n';
  }
  for (const auto& each : lines) bytes += write_audit_line(each, place) += '\n';
  if (const auto failed = write(bytes)) return failed;
  torn_recorded_ = true;
  lines_ += place.n - head_.n;
  head_ = std::move(place);
  return {};
}

std::error_code audit_log::checkpoint(std::int64_t now_ms) {
  if (unsigned_lines() == 0 || fd_ < 0) return {};
  auto place = head_;
  const auto bytes = write_audit_line(signed_record(std::string{audit_checkpoint_action}, now_ms), place) + '\n';
  if (const auto failed = write(bytes)) return failed;
  head_ = std::move(place);
  signed_ = head_.n;
  ++lines_;
  return sync();
}

std::error_code audit_log::sync() { return fd_ >= 0 && ::fdatasync(fd_) != 0 ? last_error() : std::error_code{}; }

}  // namespace greenroom::storage
