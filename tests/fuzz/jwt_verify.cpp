#include <cstddef>
#include <cstdint>

#include "tests/fuzz/jwt_targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  greenroom::codecs::fuzz::jwt_verify({reinterpret_cast<const char*>(data), size});
  return 0;
}
