#include "codecs/schema_reader_impl.hpp"

#include <rapidjson/internal/regex.h>
#include <rapidjson/pointer.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "codecs/schema.hpp"

namespace greenroom::codecs {
namespace {

using rapidjson::Value;

std::string_view text_of(const Value& v) { return {v.GetString(), v.GetStringLength()}; }

bool is_count(const Value& v) { return v.IsUint(); }
bool is_number(const Value& v) { return v.IsNumber(); }
bool is_bool(const Value& v) { return v.IsBool(); }
bool is_anything(const Value&) { return true; }
bool is_text(const Value& v) { return v.IsString(); }
bool is_positive(const Value& v) { return v.IsNumber() && v.GetDouble() > 0; }
bool is_object(const Value& v) { return v.IsObject(); }
bool are_texts(const Value& v) { return v.IsArray() && !v.Empty() && std::all_of(v.Begin(), v.End(), is_text); }
bool is_type_name(const Value& v) {
  static constexpr std::array<std::string_view, 7> names{"null",   "boolean", "integer", "number",
                                                         "string", "array",   "object"};
  return v.IsString() && std::ranges::find(names, text_of(v)) != names.end();
}
bool is_type(const Value& v) {
  return is_type_name(v) || (v.IsArray() && !v.Empty() && std::all_of(v.Begin(), v.End(), is_type_name));
}
/// Of lists and objects only the hash would be compared.
bool is_enum(const Value& v) {
  return v.IsArray() && !v.Empty() &&
         std::none_of(v.Begin(), v.End(), [](const Value& each) { return each.IsArray() || each.IsObject(); });
}
bool is_draft_4(const Value& v) {
  return v.IsString() && (text_of(v) == "http://json-schema.org/draft-04/schema#" ||
                          text_of(v) == "http://json-schema.org/draft-04/schema");
}

struct plain_keyword {
  std::string_view name;
  bool (*fits)(const Value&);
  std::string_view wants;
};
constexpr plain_keyword plain_keywords[]{
    {"$schema", is_draft_4, "must be http://json-schema.org/draft-04/schema#: other drafts mean other things"},
    {"$comment", is_anything, {}},
    {"title", is_anything, {}},
    {"description", is_anything, {}},
    {"default", is_anything, {}},
    {"examples", is_anything, {}},
    {"type", is_type, "must be a type of draft 4, or a list of them"},
    {"enum", is_enum, "must be a list of texts, numbers, booleans and null"},
    {"required", are_texts, "must be a list of names"},
    {"minProperties", is_count, "must be a count"},
    {"maxProperties", is_count, "must be a count"},
    {"minItems", is_count, "must be a count"},
    {"maxItems", is_count, "must be a count"},
    {"minLength", is_count, "must be a count"},
    {"maxLength", is_count, "must be a count"},
    {"uniqueItems", is_bool, "must be true or false"},
    {"minimum", is_number, "must be a number"},
    {"maximum", is_number, "must be a number"},
    {"exclusiveMinimum", is_bool, "must be true or false, beside minimum: the number of later drafts is not known"},
    {"exclusiveMaximum", is_bool, "must be true or false, beside maximum: the number of later drafts is not known"},
    {"multipleOf", is_positive, "must be a number over 0"},
    {"pattern", is_text, "must be a regular expression"},
};

enum class holds : std::uint8_t { schema, schema_or_bool, schema_or_list, list, by_name, by_pattern, dependencies };
struct schema_keyword {
  std::string_view name;
  holds what;
  bool in_place;  ///< they apply to the same value
};
constexpr schema_keyword schema_keywords[]{
    {"properties", holds::by_name, false},
    {"patternProperties", holds::by_pattern, false},
    {"definitions", holds::by_name, false},
    {"additionalProperties", holds::schema_or_bool, false},
    {"additionalItems", holds::schema_or_bool, false},
    {"items", holds::schema_or_list, false},
    {"allOf", holds::list, true},
    {"anyOf", holds::list, true},
    {"oneOf", holds::list, true},
    {"not", holds::schema, true},
    {"dependencies", holds::dependencies, true},
};

std::string escaped(std::string_view name) {
  std::string out = "/";
  for (const char c : name) c == '~' ? out += "~0" : c == '/' ? out += "~1" : out += c;
  return out;
}

class checker {
 public:
  checker(const rapidjson::Document& root, schema_traits& traits, std::string& why)
      : root_{root}, traits_{traits}, why_{why} {}

  bool run() {
    visit(root_, "", 0);
    for (const auto& [from, target] : references_)
      if (why_.empty() && !places_.contains(target)) say(places_[from], "$ref", "leads to no schema of this document");
    for (const auto& [one, place] : places_)
      if (why_.empty()) find_loop(*one);
    return why_.empty();
  }

 private:
  void say(const std::string& place, std::string_view keyword, std::string_view sentence) {
    if (why_.empty())
      why_ =
          "at " + (place.empty() ? "its top" : place) + ": \"" + std::string{keyword} + "\" " + std::string{sentence};
  }

  void visit(const Value& schema, const std::string& place, std::size_t depth) {
    if (!why_.empty()) return;
    if (!schema.IsObject())
      return void(why_ = "at " + (place.empty() ? "its top" : place) + ": a schema must be an object");
    if (depth > limits::schema_depth_max) return void(why_ = "it is nested too deeply");
    places_.emplace(&schema, place);
    if (schema.HasMember("$ref")) return reference(schema, place, depth);
    undeclared(schema, place);
    std::set<std::string_view> seen;
    for (const auto& member : schema.GetObject()) {
      const auto name = text_of(member.name);
      if (!seen.insert(name).second) return say(place, name, "stands there twice");
      if (name.starts_with("x-")) continue;
      if (const auto* plain = std::ranges::find(plain_keywords, name, &plain_keyword::name);
          plain != std::end(plain_keywords)) {
        if (!plain->fits(member.value)) return say(place, name, plain->wants);
        look_at(schema, name, member.value, place);
        continue;
      }
      const auto* known = std::ranges::find(schema_keywords, name, &schema_keyword::name);
      if (known == std::end(schema_keywords)) return say(place, name, "is not known here, and would not be applied");
      if (name == "additionalProperties" && member.value.IsObject() && schema.HasMember("patternProperties"))
        return say(place, name, "may only be true or false beside patternProperties");
      descend(known->what, member.value, place + escaped(name), place, name, depth + 1);
    }
  }

  /// RapidJSON takes names in `required` and `dependencies` for declared: additionalProperties would not hold for them.
  void undeclared(const Value& schema, const std::string& place) {
    const auto rest = schema.FindMember("additionalProperties");
    if (rest == schema.MemberEnd() || rest->value.IsTrue()) return;
    const auto declared = schema.FindMember("properties");
    const auto look = [&](const Value& name, std::string_view keyword) {
      if (!name.IsString() ||
          (declared != schema.MemberEnd() && declared->value.IsObject() && declared->value.HasMember(name)))
        return;
      say(place, keyword,
          "names " + std::string{text_of(name)} + ", which must stand in properties beside additionalProperties");
    };
    const auto look_at_each = [&](const Value& names, std::string_view keyword) {
      if (names.IsArray())
        for (const auto& each : names.GetArray()) look(each, keyword);
    };
    if (const auto found = schema.FindMember("required"); found != schema.MemberEnd())
      look_at_each(found->value, "required");
    if (const auto found = schema.FindMember("dependencies"); found != schema.MemberEnd() && found->value.IsObject()) {
      for (const auto& member : found->value.GetObject()) {
        look(member.name, "dependencies");
        look_at_each(member.value, "dependencies");
      }
    }
  }

  void look_at(const Value& schema, std::string_view name, const Value& what, const std::string& place) {
    if (name == "exclusiveMinimum" && !schema.HasMember("minimum")) say(place, name, "needs a minimum");
    if (name == "exclusiveMaximum" && !schema.HasMember("maximum")) say(place, name, "needs a maximum");
    if (name == "uniqueItems") traits_.has_unique |= what.GetBool();
    traits_.has_multiples |= name == "multipleOf";
    if (name == "pattern") pattern(what, place, name);
    if (name == "enum") traits_.has_patterns |= std::any_of(what.Begin(), what.End(), is_text);
  }
  void pattern(const Value& what, const std::string& place, std::string_view keyword) {
    traits_.has_patterns = true;
    if (const auto flaw = flaw_of_pattern(text_of(what)); !flaw.empty())
      say(place, keyword, "has a regular expression that cannot be used, " + std::string{text_of(what)} + ": " + flaw);
  }

  void reference(const Value& schema, const std::string& place, std::size_t depth) {
    for (const auto& member : schema.GetObject()) {
      const auto name = text_of(member.name);
      if (name == "definitions")
        descend(holds::by_name, member.value, place + escaped(name), place, name, depth + 1);
      else if (name != "$ref" && name != "title" && name != "description" && name != "$comment")
        return say(place, name, "would be ignored beside $ref");
    }
    const auto& to = schema["$ref"];
    if (!to.IsString() || !text_of(to).starts_with('#')) return say(place, "$ref", "must lead into this document: #/…");
    const rapidjson::Pointer pointer{to.GetString(), to.GetStringLength()};
    const auto* target = pointer.IsValid() ? pointer.Get(root_) : nullptr;
    if (target == nullptr) return say(place, "$ref", "leads nowhere");
    references_.emplace(&schema, target);
  }

  void descend(holds what, const Value& in, const std::string& at, const std::string& place, std::string_view name,
               std::size_t depth) {
    switch (what) {
      case holds::schema: return visit(in, at, depth);
      case holds::schema_or_bool: return in.IsBool() ? void() : visit(in, at, depth);
      case holds::schema_or_list: return in.IsArray() ? each(in, at, depth) : visit(in, at, depth);
      case holds::list:
        if (!in.IsArray() || in.Empty()) return say(place, name, "must be a list of schemas");
        return each(in, at, depth);
      case holds::by_name:
      case holds::by_pattern:
      case holds::dependencies: break;
    }
    if (!is_object(in)) return say(place, name, "must be an object");
    std::set<std::string_view> seen;
    for (const auto& member : in.GetObject()) {
      if (!seen.insert(text_of(member.name)).second) return say(at, text_of(member.name), "stands there twice");
      if (what == holds::by_pattern) pattern(member.name, place, name);
      if (what == holds::dependencies && member.value.IsArray()) {
        if (!are_texts(member.value)) return say(place, name, "must hold schemas and lists of names");
        continue;
      }
      visit(member.value, at + escaped(text_of(member.name)), depth);
    }
  }
  void each(const Value& in, const std::string& at, std::size_t depth) {
    for (rapidjson::SizeType i = 0; i < in.Size(); ++i) visit(in[i], at + '/' + std::to_string(i), depth);
  }

  /// A schema that applies itself to the same value would never come to an end.
  void find_loop(const Value& from) {
    if (!why_.empty() || done_.contains(&from)) return;
    if (!open_.insert(&from).second)
      return say(places_[&from], "$ref", "leads back to itself without going into the value");
    for (const auto* next : in_place(from)) find_loop(*next);
    open_.erase(&from);
    done_.insert(&from);
  }
  std::vector<const Value*> in_place(const Value& from) const {
    if (const auto to = references_.find(&from); to != references_.end()) return {to->second};
    std::vector<const Value*> all;
    for (const auto& keyword : schema_keywords) {
      const auto found = from.FindMember(rapidjson::StringRef(keyword.name.data(), keyword.name.size()));
      if (!keyword.in_place || found == from.MemberEnd()) continue;
      const auto& what = found->value;
      if (what.IsArray())
        for (const auto& each : what.GetArray()) all.push_back(&each);
      else if (keyword.what == holds::dependencies)
        for (const auto& member : what.GetObject()) all.push_back(&member.value);
      else
        all.push_back(&what);
    }
    std::erase_if(all, [](const Value* each) { return !each->IsObject(); });
    return all;
  }

  const rapidjson::Document& root_;
  schema_traits& traits_;
  std::string& why_;
  std::map<const Value*, std::string> places_;  ///< of every schema
  std::map<const Value*, const Value*> references_;
  std::set<const Value*> open_, done_;
};

/// Whether what follows a `{` is a count that makes the expression no more than a thousand times as large.
bool is_small_count(std::string_view text) {
  const auto end = text.find('}');
  if (end == text.npos) return false;
  text = text.substr(0, end);
  constexpr unsigned repeats_max = 1'000;
  const auto comma = text.find(',');
  const auto number = [](std::string_view digits) -> std::optional<unsigned> {
    unsigned n = 0;
    const auto* last = digits.data() + digits.size();
    const auto [rest, failed] = std::from_chars(digits.data(), last, n);
    return failed == std::errc{} && rest == last && n <= repeats_max ? std::optional{n} : std::nullopt;
  };
  const auto least = number(text.substr(0, comma));
  if (!least || comma == text.npos || comma + 1 == text.size()) return least.has_value();
  const auto most = number(text.substr(comma + 1));
  return most && *least <= *most && *most > 0;
}

/// The characters that mean something in a regular expression, with a backslash before them.
std::string quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view{"^$|()?*+.[]{}\\"}.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

using allocator = rapidjson::Document::AllocatorType;

Value object_of(std::string_view type, allocator& memory) {
  Value one{rapidjson::kObjectType};
  one.AddMember("type", Value{type.data(), static_cast<rapidjson::SizeType>(type.size()), memory}, memory);
  return one;
}

/// A schema that holds for that value alone; of texts for all that `texts` gathers.
Value alternative(const Value& what, allocator& memory) {
  if (what.IsNull()) return object_of("null", memory);
  if (what.IsBool()) {
    auto one = object_of("boolean", memory);
    Value list{rapidjson::kArrayType};
    list.PushBack(Value{what.GetBool()}, memory);
    one.AddMember("enum", list, memory);  // two values, whose hashes differ
    return one;
  }
  auto one = object_of("number", memory);
  one.AddMember("minimum", Value{what, memory}, memory);
  one.AddMember("maximum", Value{what, memory}, memory);
  return one;
}

void rewrite_enum(Value& schema, allocator& memory) {
  if (schema.HasMember("enum")) {
    Value any{rapidjson::kArrayType};
    std::string texts;
    for (const auto& each : schema["enum"].GetArray()) {
      if (!each.IsString()) {
        any.PushBack(alternative(each, memory), memory);
      } else if (each.GetStringLength() == 0) {
        auto one = object_of("string", memory);
        one.AddMember("maxLength", 0, memory);
        any.PushBack(one, memory);
      } else {
        texts += (texts.empty() ? "" : "|") + quoted(text_of(each));
      }
    }
    if (!texts.empty()) {
      auto one = object_of("string", memory);
      one.AddMember("pattern", Value{("^(" + texts + ")$").c_str(), memory}, memory);
      any.PushBack(one, memory);
    }
    Value rule{rapidjson::kObjectType};
    rule.AddMember("anyOf", any, memory);
    schema.RemoveMember("enum");
    if (!schema.HasMember("allOf")) schema.AddMember("allOf", Value{rapidjson::kArrayType}, memory);
    schema["allOf"].PushBack(rule, memory);
  }
}

void rewrite_all(Value& schema, allocator& memory) {
  if (!schema.IsObject()) return;
  for (const auto& keyword : schema_keywords) {
    const Value name{rapidjson::StringRef(keyword.name.data(), keyword.name.size())};
    if (!schema.HasMember(name)) continue;
    auto& what = schema[name];
    if (what.IsArray())
      for (auto& each : what.GetArray()) rewrite_all(each, memory);
    else if (keyword.what == holds::by_name || keyword.what == holds::by_pattern || keyword.what == holds::dependencies)
      for (auto [left, each] = std::pair{what.MemberCount(), what.MemberBegin()}; left > 0; --left, ++each)
        rewrite_all(each->value, memory);  // in C++20 comparing its iterators is ambiguous, says clang
    else
      rewrite_all(what, memory);
  }
  rewrite_enum(schema, memory);
  if (schema.HasMember("patternProperties") && schema.HasMember("additionalProperties") &&
      schema["additionalProperties"].IsFalse()) {  // 1.1.0 would have no schema for what a pattern matches
    Value nothing{rapidjson::kObjectType};
    nothing.AddMember("not", Value{rapidjson::kObjectType}, memory);
    schema["additionalProperties"] = nothing;
  }
}

}  // namespace

bool check_schema(const rapidjson::Document& schema, schema_traits& traits, std::string& why) {
  why.clear();
  return checker{schema, traits, why}.run();
}

void rewrite_schema(rapidjson::Document& schema) { rewrite_all(schema, schema.GetAllocator()); }

std::string flaw_of_pattern(std::string_view pattern) {
  if (pattern.find('\0') != pattern.npos) return "there is a zero byte in it";
  bool anchored = false, alternatives = false, atom = false;  // atom: there is something for + to repeat
  std::size_t open = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    const bool had_atom = std::exchange(atom, true);
    if (c == '\\') {
      ++i;
    } else if (c == '[') {
      for (++i; i < pattern.size() && pattern[i] != ']'; ++i)
        if (pattern[i] == '\\') ++i;
    } else if (c == '(') {
      if (pattern.substr(i + 1).starts_with('?')) return "groups that begin with (? are not known";
      ++open;
      atom = false;
    } else if (c == ')' || c == '|') {
      if (!had_atom) return "a group or an alternative is empty";
      if (c == '|') alternatives |= open == 0, atom = false;
      if (c == ')') open -= open == 0 ? 0 : 1;
    } else if (c == '^' || c == '$') {
      if (c == '^' ? i != 0 : i + 1 != pattern.size()) return "^ may only stand at its beginning, and $ at its end";
      anchored = true;
      atom = c == '$' && had_atom;
    } else if (c == '*' || c == '+' || c == '?' || c == '{') {
      if (!had_atom) return "there is nothing to repeat";
      if (c == '{' && !is_small_count(pattern.substr(i + 1))) return "a count must be {n}, {n,} or {n,m}, to 1000";
    }
  }
  if (!atom && !anchored) return "it is empty, or ends with an empty alternative";
  if (anchored && alternatives) return "write ^(a|b)$ for ^a|b$: here ^ and $ hold for all of it";
  const std::string text{pattern};
  if (!rapidjson::internal::GenericRegex<rapidjson::UTF8<>>{text.c_str()}.IsValid())
    return "it is none, or has what is not known here: classes like \\d (write [0-9]), look-around, back-references";
  return {};
}

}  // namespace greenroom::codecs
