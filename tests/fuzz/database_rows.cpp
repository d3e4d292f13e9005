#include <cstddef>
#include <cstdint>

#include "tests/fuzz/database_targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  greenroom::storage::fuzz::database_rows({reinterpret_cast<const char*>(data), size});
  return 0;
}
