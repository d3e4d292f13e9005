#pragma once
#include <istream>
#include <string>

namespace greenroom::clients {

/// How PAYLOAD is meant: as JSON, or as text that becomes a JSON string.
enum class payload_kind : std::uint8_t { json, text };

/// Why a payload is not taken; what() is a sentence for the person at the terminal.
class payload_failure : public std::runtime_error {
 public:
  enum class kind : std::uint8_t { unreadable, not_json, too_large };
  payload_failure(kind what, const std::string& sentence) : std::runtime_error{sentence}, what_{what} {}
  kind code() const noexcept { return what_; }

 private:
  kind what_;
};

/// The JSON text that PAYLOAD stands for: itself, what `input` holds for "-", what the file holds for "@file". Throws
/// payload_failure; reads at most limits::payload_bytes_max.
std::string read_payload(const std::string& argument, payload_kind kind, std::istream& input);

}  // namespace greenroom::clients
