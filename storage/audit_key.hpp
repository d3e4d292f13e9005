/// AUDIT_KEY is the Ed25519 key (RFC 8032) that signs the audit log, and its public half, which anybody may keep to check a
/// copy with. `key.pem` has mode 0600 and is made when it is not there; `key.pub` stands beside it.
///
/// Lifecycle: opened by whoever writes the log, in the log's directory. Threading: immutable. Failure: std::runtime_error or
/// std::system_error with a sentence that holds nothing of the key.
/// The bytes that were read from the file are wiped; OpenSSL wipes its own copy when the object goes.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace greenroom::storage {

class audit_public_key {
 public:
  /// Of 64 hexadecimal digits, as lines name it, or of a PEM document (`PUBLIC KEY`). Nothing: it is neither.
  static std::optional<audit_public_key> read(std::string_view text);

  bool verifies(std::string_view text, std::string_view signature_hex) const;
  std::string pem() const;
  const std::string& name() const noexcept { return name_; }  ///< its 32 bytes as hexadecimal digits

 private:
  explicit audit_public_key(std::string raw);
  std::string raw_, name_;
};

class audit_key {
 public:
  /// The directory is there.
  static audit_key open(const std::filesystem::path& directory);
  ~audit_key();
  audit_key(audit_key&&) noexcept;
  audit_key& operator=(audit_key&&) noexcept;

  std::string sign(std::string_view text) const;  ///< hexadecimal digits
  const audit_public_key& public_key() const noexcept { return public_; }

  static std::filesystem::path file_in(const std::filesystem::path& directory) { return directory / "key.pem"; }
  static std::filesystem::path public_file_in(const std::filesystem::path& directory) { return directory / "key.pub"; }

 private:
  struct secret;
  audit_key(std::unique_ptr<secret> key, audit_public_key half);
  std::unique_ptr<secret> secret_;
  audit_public_key public_;
};

/// What a checkpoint signs: that the chain had this hash before line `n`, at that time.
std::string audit_signed_text(std::uint64_t n, std::string_view prev, std::string_view at);

}  // namespace greenroom::storage
