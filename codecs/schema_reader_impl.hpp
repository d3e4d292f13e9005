#pragma once
#include <stdexcept>
#include <string>

/// Where RapidJSON finds itself in a state that it must not be in, in every build: whoever checks gives a flaw.
#define RAPIDJSON_ASSERT(holds)          \
  if (!(holds)) throw std::logic_error { \
      "RapidJSON: " #holds               \
    }
#include <rapidjson/document.h>

#include <string_view>

namespace greenroom::codecs {

/// What is in a schema beside its own text.
struct schema_traits {
  bool has_patterns = false;  ///< or enums of texts, which become some
  bool has_unique = false, has_multiples = false;
};

/// Whether every keyword in it is one that RapidJSON applies as draft 4 means it; where not, `why` says which and where.
bool check_schema(const rapidjson::Document& schema, schema_traits& traits, std::string& why);

/// Puts rules that compare in the place of every `enum`, and others where RapidJSON 1.1.0 applies one wrongly. Of a schema
/// that was checked.
void rewrite_schema(rapidjson::Document& schema);

/// What is wrong with a regular expression; empty: nothing.
std::string flaw_of_pattern(std::string_view pattern);

}  // namespace greenroom::codecs
