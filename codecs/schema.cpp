#include "codecs/schema.hpp"

#include "codecs/schema_reader_impl.hpp"

#include <rapidjson/error/en.h>
#include <rapidjson/schema.h>
#include <rapidjson/stringbuffer.h>

#include <limits>

#include "codecs/base64.hpp"
#include "codecs/document.hpp"

namespace greenroom::codecs {

struct schema::compiled {
  explicit compiled(const rapidjson::Document& from, const rapidjson::Document& as_written, const schema_traits& what)
      : rules{from}, traits{what} {
    original.CopyFrom(as_written, original.GetAllocator());
  }

  rapidjson::SchemaDocument rules;
  rapidjson::Document original;  ///< before enums were rewritten
  schema_traits traits;
};

namespace {

using validator = rapidjson::SchemaValidator;

std::string in_base64(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

/// Where the walk stands, as a JSON Pointer.
class pointer_path {
 public:
  void enter(std::string_view name) {
    marks_.push_back(text_.size());
    text_ += '/';
    for (const char c : name) c == '~' ? text_ += "~0" : c == '/' ? text_ += "~1" : text_ += c;
  }
  void leave() {
    text_.resize(marks_.back());
    marks_.pop_back();
  }
  const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
  std::vector<std::size_t> marks_;
};

/// Tells a validator what a value is, piece by piece; it stops at the first piece that is wrong.
class teller {
 public:
  teller(validator& to, const schema_traits& traits) : to_{to}, traits_{traits} {}

  /// False where it is wrong; then `path`, and `keyword` where this class has found it.
  bool tell(const value& what) {
    switch (what.what) {
      case kind::null: return to_.Null();
      case kind::boolean: return to_.Bool(what.boolean);
      case kind::natural: return to_.Uint64(what.natural);
      case kind::negative:  // the least one has no opposite, of which RapidJSON would take the remainder
        if (traits_.has_multiples && what.negative == std::numeric_limits<std::int64_t>::min())
          return fail("multipleOf");
        return to_.Int64(what.negative);
      case kind::real: return to_.Double(what.real);
      case kind::text: return text(what.text());
      case kind::bytes: return to_.StartObject() && wrapped("$bytes", what.text()) && to_.EndObject(1);
      case kind::extension: return to_.StartObject() && extension(what) && to_.EndObject(1);
      case kind::array: return list(what);
      case kind::object: return object(what);
      case kind::flawed: break;
    }
    return fail("type");
  }

  const std::string& path() const noexcept { return path_.text(); }
  const std::string& keyword() const noexcept { return keyword_; }

 private:
  bool fail(std::string_view keyword) {
    keyword_ = keyword;
    return false;
  }
  /// RapidJSON reads texts to their first zero byte.
  bool readable(std::string_view bytes) {
    return !traits_.has_patterns || bytes.find('\0') == bytes.npos || fail("pattern");
  }
  bool text(std::string_view bytes) {
    scratch_ = bytes;
    return readable(bytes) && to_.String(scratch_.c_str(), static_cast<rapidjson::SizeType>(bytes.size()), true);
  }
  bool key(std::string_view name) {
    scratch_ = name;
    return readable(name) && to_.Key(scratch_.c_str(), static_cast<rapidjson::SizeType>(name.size()), true);
  }
  bool wrapped(std::string_view name, std::string_view bytes) {
    path_.enter(name);
    if (!key(name) || !text(in_base64(bytes))) return false;
    return path_.leave(), true;
  }
  bool extension(const value& what) {
    path_.enter("$ext");
    if (!key("$ext") || !to_.StartArray()) return false;
    path_.enter("0");
    if (!to_.Int(what.extension)) return false;
    path_.leave();
    path_.enter("1");
    if (!text(in_base64(what.text()))) return false;
    path_.leave();
    if (!to_.EndArray(2)) return false;
    return path_.leave(), true;
  }
  bool list(const value& what) {
    if (traits_.has_unique && what.count > limits::schema_unique_items_max) return fail("uniqueItems");
    if (!to_.StartArray()) return false;
    std::size_t index = 0;
    for (const value& each : items_of(what)) {
      path_.enter(std::to_string(index++));
      if (!tell(each)) return false;
      path_.leave();
    }
    return to_.EndArray(what.count);
  }
  bool object(const value& what) {
    if (!to_.StartObject()) return false;
    for (const auto& [name, each] : members_of(what)) {
      path_.enter(name);
      if (!key(name) || !tell(each)) return false;
      path_.leave();
    }
    return to_.EndObject(what.count);
  }

  validator& to_;
  const schema_traits& traits_;
  pointer_path path_;
  std::string keyword_, scratch_;
};

/// An enum has become a rule of allOf, and false beside patternProperties a schema that nothing matches.
std::string keyword_of(const validator& from, const rapidjson::Document& original) {
  const char* said = from.GetInvalidSchemaKeyword();
  if (said == nullptr) return "type";
  std::string keyword{said};
  if (keyword == "not") {
    rapidjson::StringBuffer place;
    from.GetInvalidSchemaPointer().Stringify(place);
    const auto* now = from.GetInvalidSchemaPointer().Get(original);
    constexpr std::string_view rewritten = "additionalProperties";
    if (std::string_view{place.GetString()}.ends_with(rewritten) && now && now->IsBool()) return std::string{rewritten};
  }
  if (keyword != "allOf") return keyword;
  const auto* place = from.GetInvalidSchemaPointer().Get(original);
  return place && place->IsObject() && place->HasMember("enum") && !place->HasMember("allOf") ? "enum" : keyword;
}

}  // namespace

schema::schema(std::unique_ptr<compiled> what) : compiled_{std::move(what)} {}
schema::schema(schema&&) noexcept = default;
schema& schema::operator=(schema&&) noexcept = default;
schema::~schema() = default;

std::optional<schema> schema::read(std::string_view json, std::string& why) {
  why.clear();
  rapidjson::Document written;
  if (json.size() > limits::schema_file_bytes_max) return why = "it is too long to be a schema", std::nullopt;
  constexpr unsigned how =
      rapidjson::kParseIterativeFlag | rapidjson::kParseFullPrecisionFlag | rapidjson::kParseValidateEncodingFlag;
  written.Parse<how>(json.data(), json.size());
  if (written.HasParseError()) {
    why = "it is no JSON document: byte " + std::to_string(written.GetErrorOffset()) + ": " +
          rapidjson::GetParseError_En(written.GetParseError());
    return std::nullopt;
  }
  schema_traits traits;
  if (!check_schema(written, traits, why)) return std::nullopt;
  rapidjson::Document rewritten;
  rewritten.CopyFrom(written, rewritten.GetAllocator());
  rewrite_schema(rewritten);
  return schema{std::make_unique<compiled>(rewritten, written, traits)};
}

std::optional<schema_flaw> schema::check(const value& what) const {
  validator rules{compiled_->rules};
  teller one{rules, compiled_->traits};
  schema_flaw flaw;
  try {
    if (one.tell(what) && rules.IsValid()) return std::nullopt;
    flaw = {.path = one.path(), .keyword = one.keyword()};
  } catch (const std::logic_error&) {
    return schema_flaw{.path = one.path(), .keyword = "$schema"};
  }
  if (flaw.keyword.empty()) flaw.keyword = keyword_of(rules, compiled_->original);
  if (flaw.path.size() > limits::schema_path_bytes_max) {
    constexpr std::string_view cut = "…";
    auto bytes = limits::schema_path_bytes_max - cut.size();
    while ((static_cast<unsigned char>(flaw.path[bytes]) & 0xC0U) == 0x80U) --bytes;  // not inside a character
    flaw.path.resize(bytes);
    flaw.path += cut;
  }
  return flaw;
}

std::optional<schema_flaw> schema::check(const payload& what) const {
  borrowed_document read;
  if (read->read(what.origin(), what.original(), unbounded)) return schema_flaw{.path = {}, .keyword = "type"};
  return check(read->root());
}

std::optional<schema_flaw> schema::check_nothing() const { return check(value{}); }

}  // namespace greenroom::codecs
