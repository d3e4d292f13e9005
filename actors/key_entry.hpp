/// KEY_ENTRY is one entry of `tokens.keys` and what its file holds. Nothing of it depends on a running node.
/// Failure: bad_config with the entry and what is wrong with it; it never says any of the key.
#pragma once
#include <string>
#include <vector>

#include "actors/secret_keys.hpp"
#include "codecs/jwt_key.hpp"

namespace greenroom {

struct key_entry {
  std::string text;  ///< as the config has it
  std::string url;   ///< of a set that is fetched; empty: a file
  std::string file;  ///< or `secret:NAME`, a stored secret
};

/// `ALGORITHM:FILE`, `KEY_ID=ALGORITHM:FILE`, `jwks:FILE` or `jwks:URL`; with `secret:NAME` in the place of FILE
/// for a stored secret, where it is one key.
key_entry parse_key_entry(const std::string& text);

/// The keys of an entry that names no URL; at least one. `secrets` says what the stored ones do.
std::vector<codecs::jwt_key> read_key_file(const key_entry& from, const secret_reader& secrets = {});

}  // namespace greenroom
