/// SECRET_KEYS reads the key-encryption keys that the config names, and what secrets say to those who need them while
/// the node starts.
///
/// Threading: any; it blocks on files. Lifecycle: none. Bounds: a key's file is 128 bytes at most.
/// Failure: bad_config with the entry and what is wrong with it; it never says any of the key.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "storage/cipher.hpp"
#include "storage/secret.hpp"

namespace greenroom::runtime {
struct secrets_config;
}
namespace greenroom::storage {
class store;
class vault;
}  // namespace greenroom::storage

namespace greenroom {

/// As the config says; null where it names no key.
std::shared_ptr<storage::vault> make_vault(const runtime::secrets_config& from);

inline constexpr std::size_t keys_tried_on = 1'024;  ///< so many records say whether a key is the right one

/// The ids of keys that open none of these records, though some say that they do: another key has been given that id.
/// With it, what is new would be lost as soon as the right one is back.
std::vector<std::string> wrong_keys(const storage::vault& keys, const std::vector<storage::stored_secret>& some);

/// Throws bad_config where one of them is such a key for that database: a node must not start with it.
void check_keys(const storage::vault& keys, const storage::store& disk);

/// Why a secret cannot be had, as a sentence.
struct secret_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What it says. Throws secret_error.
using secret_reader = std::function<storage::secret_text(const std::string& name)>;

/// One that finds secrets with `find` and opens them with `keys`, which must live as long as it does.
secret_reader secrets_of(std::function<std::optional<storage::stored_secret>(const std::string& name)> find,
                         const storage::vault* keys);

}  // namespace greenroom
