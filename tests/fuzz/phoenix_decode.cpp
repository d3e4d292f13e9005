#include <cstddef>
#include <cstdint>

#include "tests/fuzz/codec_targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  greenroom::codecs::fuzz::phoenix_decode({reinterpret_cast<const char*>(data), size});
  return 0;
}
