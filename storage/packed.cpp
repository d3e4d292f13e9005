#include "storage/packed.hpp"

#include <cstdint>
#include <cstring>

namespace greenroom::storage {

std::string packed(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) {
    const auto size = static_cast<std::uint32_t>(text.size());
    out.append(reinterpret_cast<const char*>(&size), sizeof size);
    out += text;
  }
  return out;
}

std::vector<std::string> unpacked(std::string_view bytes) {
  std::vector<std::string> out;
  std::uint32_t size = 0;
  while (bytes.size() >= sizeof size) {
    std::memcpy(&size, bytes.data(), sizeof size);
    bytes.remove_prefix(sizeof size);
    if (size > bytes.size()) break;
    out.emplace_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return out;
}

}  // namespace greenroom::storage
