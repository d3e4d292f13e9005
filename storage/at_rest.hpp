/// How the bodies and snapshots of a log lie on the disk.
#pragma once

#include <cstdint>

namespace greenroom::storage {

enum class at_rest : std::uint8_t {
  plain,
  encrypted,  ///< under a data key of the log; a backend without a disk keeps them as they are
};

}  // namespace greenroom::storage
