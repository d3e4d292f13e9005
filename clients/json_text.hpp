#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// JSON as the text that it is: commands write requests and read answers without turning payloads into values and back,
/// so that a payload on the terminal is spelled as its sender spelled it.
namespace greenroom::clients {

/// A JSON string with its quotes; invalid UTF-8 is the caller's to refuse (is_json does).
std::string quoted(std::string_view text);

/// One whole JSON document of at most 32 levels, UTF-8, nothing after it but white space.
bool is_json(std::string_view text);

/// Writes an object member by member.
class object_text {
 public:
  object_text& text(std::string_view name, std::string_view value) { return raw(name, quoted(value)); }
  object_text& raw(std::string_view name, std::string_view json);
  std::string str() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

/// The members of an object, each value as it stands there. Empty where `json` is no object.
class object_members {
 public:
  explicit object_members(std::string_view json);
  std::string_view raw(std::string_view name) const;  ///< empty where there is none
  std::string text(std::string_view name) const;      ///< of a string; a number as it stands; else empty

 private:
  std::vector<std::pair<std::string, std::string>> members_;
};

/// The elements of an array, each as it stands there. Empty where `json` is no array.
std::vector<std::string> array_elements(std::string_view json);

/// Without what would move a terminal's cursor or colour it: control characters, C1 ones included, become '?'.
std::string printable(std::string_view text);

}  // namespace greenroom::clients
