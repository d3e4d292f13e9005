#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "tests/tidy/rules.hpp"

namespace greenroom::tidy {

findings msgpack_stays_in_one_source(const tree& all) {
  findings found;
  std::set<std::string> users;
  for (const auto& s : all)
    if (is_cpp(s.path) && !layer_of(s.path).empty())
      for (const auto& [line, path] : includes_of(s))
        if (path.starts_with("msgpack") && users.insert(s.path).second)
          found.push_back({s.path, line, "msgpack-c is included here"});
  return users.size() > 1 ? found : findings{};
}

findings own_header_comes_first(const tree& all) {
  findings found;
  for (const auto& s : all) {
    if (!s.path.ends_with(".cpp")) continue;
    const auto header = s.path.substr(0, s.path.size() - 3) + "hpp";
    if (!find(all, header)) continue;
    const auto includes = includes_of(s);
    if (includes.empty() || includes.front().path != header)
      found.push_back({s.path, includes.empty() ? 0 : includes.front().line, header + " must be the first include"});
  }
  return found;
}

namespace {

enum class cells : bool { first, all };

/// What a README's tables of files name: the words between backticks in the first cell of each row, or in all of them.
/// A table of files says so in its first cell.
std::vector<std::string> named_in(const source& readme, cells which) {
  std::vector<std::string> all;
  bool in_table = false, of_files = false;
  for (auto line : lines_of(readme.text)) {
    const auto first = line.substr(0, line.find(" |", 2));
    if (!std::exchange(in_table, line.starts_with("|"))) of_files = has_word(first, "file");
    if (!in_table || !of_files || !line.starts_with("| ")) continue;
    const auto end = which == cells::first ? first.size() - 2 : std::string_view::npos;
    for (auto& each : between(line.substr(2, end), "`", "`")) all.push_back(std::move(each));
  }
  return all;
}

/// Whether a row of that name speaks of the file: `room` and `room.hpp` of room.hpp, room.cpp and room_impl.hpp.
bool names(std::string_view row, std::string_view file) {
  if (row == file) return true;
  if (is_header(row)) row.remove_suffix(std::string_view{".hpp"}.size());
  if (!file.starts_with(row)) return false;
  const auto rest = file.substr(row.size());
  return rest == ".hpp" || rest == ".cpp" || rest == "_impl.hpp";
}

}  // namespace

findings folders_list_their_files(const tree& all) {
  findings found;
  std::map<std::string, std::vector<std::string>> files;
  for (const auto& s : all)
    if (is_code(s.path) && !folder_of(s.path).empty())
      files[std::string{folder_of(s.path)}].emplace_back(name_of(s.path));
  for (const auto& [folder, names_here] : files) {
    const auto* readme = find(all, folder + "/README.md");
    if (!readme) {
      found.push_back({folder, 0, "no README.md with a table of its files"});
      continue;
    }
    const auto rows = named_in(*readme, cells::first), mentions = named_in(*readme, cells::all);
    for (const auto& file : names_here)
      if (std::none_of(mentions.begin(), mentions.end(), [&](const auto& row) { return names(row, file); }))
        found.push_back({readme->path, 0, "no row for " + file});
    for (const auto& row : rows) {
      const auto inside = folder + "/" + row;
      const bool there =
          std::any_of(names_here.begin(), names_here.end(), [&](const auto& f) { return names(row, f); });
      const bool other = std::any_of(all.begin(), all.end(), [&](const source& s) {
        return s.path == inside || (row.ends_with('/') && s.path.starts_with(inside));
      });
      if (!there && !other) found.push_back({readme->path, 0, "a row for " + row + ", which is not there"});
    }
  }
  return found;
}

namespace {

/// A heading's anchor, as GitHub makes it.
std::string anchor_of(std::string_view heading) {
  std::string out;
  for (const char c : trimmed(heading)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ' ')
      out += '-';
    else if (is_word(c) || c == '-' || byte >= 0x80)
      out += static_cast<char>(byte < 0x80 ? std::tolower(byte) : byte);
  }
  return out;
}

bool has_anchor(const source& document, std::string_view anchor) {
  for (auto line : lines_of(document.text)) {
    const auto level = line.find_first_not_of('#');
    if (level != 0 && level != std::string_view::npos && line[level] == ' ' && anchor_of(line.substr(level)) == anchor)
      return true;
  }
  return false;
}

/// What is wrong with one link of a document; empty: nothing.
std::string dead_end(const tree& all, const source& from, const std::string& link) {
  if (link.find("://") != std::string::npos || link.starts_with("mailto:")) return {};
  const auto hash = link.find('#');
  auto path = link.substr(0, hash);
  if (path.empty()) {
    path = from.path;
  } else {
    path = (std::filesystem::path{folder_of(from.path)} / path).lexically_normal().generic_string();
  }
  const auto* target = find(all, path);
  const bool folder = std::any_of(all.begin(), all.end(), [&](const source& s) {
    return s.path.starts_with(path.ends_with('/') ? path : path + "/");
  });
  if (!target && !folder) return "the link to " + link + " leads nowhere";
  if (target && hash != std::string::npos && !has_anchor(*target, std::string_view{link}.substr(hash + 1)))
    return "the link to " + link + " names no heading there";
  return {};
}

}  // namespace

findings links_lead_somewhere(const tree& all) {
  findings found;
  for (const auto& s : all) {
    if (!s.path.ends_with(".md")) continue;
    const auto here = by_line(s, [&](std::string_view line) -> std::string {
      std::string wrong;
      for (const auto& link : between(line, "](", ")"))
        if (auto why = dead_end(all, s, link); !why.empty()) wrong += (wrong.empty() ? "" : "; ") + why;
      return wrong;
    });
    found.insert(found.end(), here.begin(), here.end());
  }
  return found;
}

findings decisions_are_listed(const tree& all) {
  findings found;
  const auto* index = find(all, "docs/decisions/README.md");
  if (!index) return {{"docs/decisions", 0, "no README.md"}};
  for (const auto& s : all)
    if (folder_of(s.path) == "docs/decisions" && &s != index &&
        index->text.find("](" + std::string{name_of(s.path)} + ")") == std::string::npos)
      found.push_back({index->path, 0, "no row for " + std::string{name_of(s.path)}});
  return found;
}

namespace {

/// `mark` + word + `mark` must stand in the document for every word.
findings document_says(const tree& all, const std::string& path, const std::vector<std::string>& words) {
  findings found;
  const auto* document = find(all, path);
  if (!document) return {{path, 0, "is missing"}};
  for (const auto& word : words)
    if (document->text.find("`" + word + "`") == std::string::npos)
      found.push_back({path, 0, "says nothing of " + word});
  return found;
}

}  // namespace

findings the_protocol_is_documented(const tree& all) {
  std::vector<std::string> words;
  if (const auto* methods = find(all, "codecs/methods.cpp"))
    if (const auto begin = methods->text.find("method table[]"); begin != std::string::npos)
      for (auto& each : between(std::string_view{methods->text}.substr(begin), "\n    {\"", "\""))
        words.push_back(std::move(each));
  if (const auto* codes = find(all, "codecs/close_code.hpp"))
    for (const auto& each : between(codes->text, "inline constexpr close_code ", "\"")) {
      const auto brace = each.find('{');
      words.push_back(each.substr(0, brace));
      words.push_back(each.substr(brace + 1, each.find(',') - brace - 1));
    }
  if (words.empty()) return {{"codecs", 0, "no method and no close code was found"}};
  return document_says(all, "docs/protocol.md", words);
}

findings the_metrics_are_documented(const tree& all) {
  std::vector<std::string> words;
  for (const auto& s : all)
    if (!layer_of(s.path).empty() && s.path.ends_with(".cpp") && !s.path.starts_with("codecs/"))  // events of protocols
      for (const auto& each : between(s.text, "\"greenroom_", "\"")) words.push_back("greenroom_" + each);
  if (words.empty()) return {{"actors", 0, "no metric was found"}};
  return document_says(all, "docs/operating.md", words);
}

}  // namespace greenroom::tidy
