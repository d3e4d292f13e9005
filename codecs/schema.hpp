#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "codecs/payload.hpp"
#include "codecs/value.hpp"

namespace greenroom::codecs {

namespace limits {
inline constexpr std::size_t schema_file_bytes_max = 256 * 1024;
inline constexpr std::size_t schema_depth_max = 64;
inline constexpr std::size_t schema_unique_items_max = 1'000;  ///< of a list, under a schema that says uniqueItems
inline constexpr std::size_t schema_path_bytes_max = 256;      ///< of what is told of a flaw; longer ones are cut
}  // namespace limits

/// Where a payload is other than its schema wants it.
struct schema_flaw {
  std::string path;     ///< JSON Pointer (RFC 6901) into the payload; empty: all of it
  std::string keyword;  ///< of the schema
};

/// SCHEMA is a JSON Schema, draft 4, that payloads of either format are checked against, without a text in between.
/// MessagePack's bin and ext are what they are in JSON (transcode.hpp).
///
/// It knows every keyword of draft 4's validation but `format`, `id` and references out of the document; what it does not
/// know, or knows under another meaning, is refused when the schema is read, since a rule that is silently not applied is
/// worse than none. Regular expressions are matched in linear time, and have no classes like \d and no look-around.
///
/// RapidJSON does the work. It compares values of `enum` by a hash that an attacker can collide, so that enum is rewritten
/// into rules that compare; and it reads texts to their first zero byte, so that under a schema with patterns (or an
/// enum of texts) a text with one is a flaw.
///
/// Lifecycle: read once, checked often. Threading: one thread at a time. Bounds: limits above, and the payload's own.
/// Failure: read() returns nothing and a sentence in `why` that names the place and the keyword.
class schema {
 public:
  static std::optional<schema> read(std::string_view json, std::string& why);

  schema(schema&&) noexcept;
  schema& operator=(schema&&) noexcept;
  ~schema();

  /// Nothing where all is well.
  std::optional<schema_flaw> check(const value& what) const;
  std::optional<schema_flaw> check(const payload& what) const;
  /// The flaw of nothing at all, which counts as null.
  std::optional<schema_flaw> check_nothing() const;

 private:
  struct compiled;
  explicit schema(std::unique_ptr<compiled> what);
  std::unique_ptr<compiled> compiled_;
};

}  // namespace greenroom::codecs
