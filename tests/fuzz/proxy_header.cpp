#include <cstddef>
#include <cstdint>

#include "tests/fuzz/edge_targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  greenroom::runtime::fuzz::proxy_header({reinterpret_cast<const char*>(data), size});
  return 0;
}
