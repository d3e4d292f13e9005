/// KEY_ENTRY is one entry of `tokens.keys` and what its file holds. Nothing of it depends on a running node.
/// Failure: bad_config with the entry and what is wrong with it; it never says any of the key.
#pragma once
#include <string>
#include <vector>

#include "codecs/jwt_key.hpp"

namespace greenroom {

struct key_entry {
  std::string text;  ///< as the config has it
  std::string url;   ///< of a set that is fetched; empty: a file
  std::string file;
};

/// `ALGORITHM:FILE`, `KEY_ID=ALGORITHM:FILE`, `jwks:FILE` or `jwks:URL`.
key_entry parse_key_entry(const std::string& text);

/// The keys of an entry that names a file; at least one.
std::vector<codecs::jwt_key> read_key_file(const key_entry& from);

}  // namespace greenroom
