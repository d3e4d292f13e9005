#include <cstddef>
#include <cstdint>

#include "tests/fuzz/edge_host.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  greenroom::runtime::fuzz::websocket_frames({reinterpret_cast<const char*>(data), size});
  return 0;
}
