#include "actors/secret_keys.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "actors/engine.hpp"
#include "codecs/base64.hpp"
#include "runtime/config.hpp"
#include "runtime/unique_fd.hpp"
#include "storage/store.hpp"
#include "storage/vault.hpp"

namespace greenroom {
namespace {

constexpr std::size_t key_file_bytes_max = 128;
constexpr std::string_view file_prefix = "file:", environment_prefix = "env:";

[[noreturn]] void refuse(const std::string& entry, const std::string& why) {
  throw bad_config{"secrets.keys: " + entry + ": " + why};
}

std::string system_words() { return std::generic_category().message(errno); }

std::string contents_of(const std::string& entry, const std::string& path) {
  const runtime::unique_fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
  if (file.get() < 0) refuse(entry, "the file cannot be opened: " + system_words());
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) refuse(entry, "the file cannot be looked at: " + system_words());
  if (!S_ISREG(about.st_mode)) refuse(entry, "it is no regular file");
  if ((about.st_mode & 077) != 0)
    refuse(entry, "its group or others may use the file: make it the node's own with mode 0600 or 0400");
  std::string all(key_file_bytes_max + 1, '\0');
  const auto count = ::read(file.get(), all.data(), all.size());
  if (count < 0) refuse(entry, "the file cannot be read: " + system_words());
  all.resize(static_cast<std::size_t>(count));
  if (all.size() > key_file_bytes_max) refuse(entry, "the file is too large to be a key");
  return all;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() != 2 * storage::key_bytes) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

/// 32 bytes as they are, or as text with an end of line that editors put there.
std::optional<storage::secret_key> key_of(std::string_view given) {
  if (given.size() == storage::key_bytes) return storage::secret_key::of(given);
  while (!given.empty() && (given.back() == '\n' || given.back() == '\r' || given.back() == ' '))
    given.remove_suffix(1);
  for (auto* decode : {&from_hex, &codecs::from_base64, &codecs::from_base64url})
    if (auto bytes = decode(given)) {
      auto key = storage::secret_key::of(*bytes);
      storage::wipe(*bytes);
      if (key) return key;
    }
  return std::nullopt;
}

storage::vault::kek read_key(const std::string& entry) {
  const auto equals = entry.find('=');
  const auto from = entry.substr(equals + 1);
  std::string text;
  if (from.starts_with(file_prefix)) {
    text = contents_of(entry, from.substr(file_prefix.size()));
  } else {
    const auto* value = std::getenv(from.substr(environment_prefix.size()).c_str());
    if (!value) refuse(entry, "the environment does not have it");
    text = value;
  }
  auto key = key_of(text);
  storage::wipe(text);
  if (!key) refuse(entry, "a key is 32 bytes: raw, as 64 hexadecimal digits, or as base64");
  return {entry.substr(0, equals), std::move(*key)};
}

}  // namespace

std::shared_ptr<storage::vault> make_vault(const runtime::secrets_config& from) {
  if (from.keys.empty()) return nullptr;
  std::vector<storage::vault::kek> keys;
  for (const auto& entry : from.keys) keys.push_back(read_key(entry));
  for (std::size_t i = 0; i < keys.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (keys[i].key.bytes() == keys[j].key.bytes()) refuse(from.keys[i], "it is the same key as " + keys[j].id);
  return std::make_shared<storage::vault>(std::move(keys));
}

std::vector<std::string> wrong_keys(const storage::vault& keys, const std::vector<storage::stored_secret>& some) {
  std::map<std::string, bool> opens;
  for (const auto& each : some) {
    auto why = storage::unsealed::well;
    const bool opened = keys.key_of(each, why) != nullptr;
    if (why != storage::unsealed::unknown_kek) opens[each.kek] = opens[each.kek] || opened;
  }
  std::vector<std::string> wrong;
  for (const auto& [id, right] : opens)
    if (!right) wrong.push_back(id);
  return wrong;
}

secret_reader secrets_of(std::function<std::optional<storage::stored_secret>(const std::string& name)> find,
                         const storage::vault* keys) {
  return [find = std::move(find), keys](const std::string& name) -> storage::secret_text {
    if (!keys) throw secret_error{"secrets.keys names no key"};
    const auto found = find(name);
    if (!found || found->reserved())
      throw secret_error{"there is no secret of that name: start the node without this entry, `greenroom secrets put " +
                         name + "`, then add it"};
    auto why = storage::unsealed::well;
    auto value = keys->open(*found, why);
    if (value) return std::move(*value);
    throw secret_error{why == storage::unsealed::unknown_kek
                           ? "it is encrypted under the key \"" + found->kek + "\", which secrets.keys does not name"
                           : "the key \"" + found->kek +
                                 "\" does not open it: it is another key, or the row was changed"};
  };
}

void check_keys(const storage::vault& keys, const storage::store& disk) {
  for (const auto& id : wrong_keys(keys, disk.secrets({}, keys_tried_on)))
    throw bad_config{"secrets.keys: " + id + ": it is not the key of that id that the database is encrypted under"};
}

}  // namespace greenroom
