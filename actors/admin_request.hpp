/// What the tables of the admin's commands (admin_store, admin_access, admin_secrets) share: the members of a request, what
/// is wrong with one, and how a command is found and run.
///
/// Threading: the admin's. Failure: `bad_member`, which `run` answers with `invalid_params`.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "actors/admin.hpp"
#include "actors/limits.hpp"
#include "codecs/document.hpp"

namespace greenroom::admin {

inline constexpr std::size_t page_default = 100;

/// What was wrong with a request's member.
struct bad_member {
  std::string why;
};

/// The members that a client gave, by name; each throws bad_member where it is of another kind.
struct members {
  const codecs::value& input;  ///< until the command returns

  const codecs::value* member(std::string_view name) const { return codecs::find(input, name); }
  std::optional<std::string> text(std::string_view name) const {
    const auto* found = member(name);
    if (!found) return {};
    if (!found->is(codecs::kind::text)) throw bad_member{"`" + std::string{name} + "` is no text"};
    return std::string{found->text()};
  }
  std::string text_or_none(std::string_view name) const { return text(name).value_or(std::string{}); }
  std::uint64_t natural(std::string_view name, std::uint64_t otherwise) const {
    const auto* found = member(name);
    if (!found) return otherwise;
    if (!found->is(codecs::kind::natural)) throw bad_member{"`" + std::string{name} + "` is no number"};
    return found->natural;
  }
  std::size_t limit() const {
    const auto wanted = natural("limit", page_default);
    if (wanted == 0 || wanted > limits::admin_page_max)
      throw bad_member{"`limit` is 1 to " + std::to_string(limits::admin_page_max)};
    return wanted;
  }
};

template <class Request>
struct command {
  std::string_view name;
  void (*run)(const Request&);
};

/// Runs `which` of that table with what it is asked.
template <class Request>
void run(const command<Request>& which, const Request& asked) {
  try {
    which.run(asked);
  } catch (const bad_member& e) {
    refuse(asked.to, e.why, codecs::error_code::invalid_params);
  }
}

template <class Request, std::size_t Size>
std::string names_of(const std::array<command<Request>, Size>& table) {
  std::string names;
  for (const auto& each : table) names.append(names.empty() ? "" : ", ").append(each.name);
  return names;
}

}  // namespace greenroom::admin
