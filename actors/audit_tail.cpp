#include "actors/audit_tail.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <fstream>
#include <ostream>
#include <thread>
#include <vector>

#include "codecs/json_writer.hpp"
#include "storage/audit_log.hpp"

namespace greenroom {
namespace {

constexpr std::chrono::milliseconds between_looks{200};

/// Plain where nothing in it could be taken for something else.
void append_value(std::string& to, std::string_view text) {
  const bool plain = std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F && c != '"' && c != '\\'; });
  if (plain) {
    to += text;
    return;
  }
  codecs::json_writer{to}.text(text);
}

std::string as_text(const storage::audit_line& line) {
  std::string out;
  append_value(out, line.at), out += ' ';
  append_value(out, line.decision);
  constexpr std::size_t column = 8;
  out.append(column - std::min(column, line.decision.size()), ' ');
  append_value(out, line.action);
  for (const auto& [name, value] : line.members) {
    out.append(" ").append(name).append("=");
    if (const auto* text = std::get_if<std::string>(&value))
      append_value(out, *text);
    else
      out += std::to_string(std::get<std::int64_t>(value));
  }
  return out;
}

/// Calls `take` for each whole line from `at` on; how far that was.
template <class Take>
std::uint64_t read_lines(const std::filesystem::path& file, std::uint64_t at, Take take) {
  std::ifstream in{file, std::ios::binary};
  in.seekg(static_cast<std::streamoff>(at));
  for (std::string line; std::getline(in, line) && !in.eof(); at += line.size() + 1) take(line);
  return at;
}

}  // namespace

audit_tail::audit_tail(std::filesystem::path directory, filter what)
    : directory_{std::move(directory)}, what_{std::move(what)} {}

std::string audit_tail::shown(std::string_view text) const {
  const auto line = storage::read_audit_line(text);
  if (!line) return what_.json ? std::string{text} : "damaged: " + std::to_string(text.size()) + " bytes";
  if (what_.refused && line->decision != storage::word(storage::audit_decision::refused)) return {};
  if (!what_.user.empty() && line->text("user") != what_.user) return {};
  const auto& wanted = what_.action;
  const bool all_such = wanted.ends_with('.') && line->action.starts_with(wanted);
  if (!wanted.empty() && line->action != wanted && !all_such) return {};
  return what_.json ? std::string{text} : as_text(*line);
}

/// File by file from the newest back, until there are enough.
void audit_tail::print_last(std::size_t count, std::ostream& out) {
  std::deque<std::string> all;
  const auto files = storage::audit_files(directory_);
  for (auto i = files.size(); i-- > 0 && (all.size() < count || i + 1 == files.size());) {
    std::deque<std::string> here;
    const auto end = read_lines(directory_ / storage::audit_file_name(files[i]), 0, [&](std::string_view line) {
      auto text = shown(line);
      if (text.empty()) return;
      here.push_back(std::move(text));
      if (here.size() > count - all.size()) here.pop_front();
    });
    if (i + 1 == files.size()) file_ = files[i], at_ = end;
    all.insert(all.begin(), std::make_move_iterator(here.begin()), std::make_move_iterator(here.end()));
  }
  for (const auto& each : all) out << each << '\n';
}

void audit_tail::run(std::size_t count, bool follow, std::ostream& out) {
  print_last(count, out);
  const auto print = [&](std::string_view line) {
    if (const auto text = shown(line); !text.empty()) out << text << '\n';
  };
  while (follow && out.flush()) {
    auto files = storage::audit_files(directory_);
    if (file_ != 0) at_ = read_lines(directory_ / storage::audit_file_name(file_), at_, print);
    std::erase_if(files, [this](auto number) { return number <= file_; });
    for (const auto each : files) {
      file_ = each;
      at_ = read_lines(directory_ / storage::audit_file_name(file_), 0, print);
    }
    if (out.flush()) std::this_thread::sleep_for(between_looks);
  }
}

}  // namespace greenroom
