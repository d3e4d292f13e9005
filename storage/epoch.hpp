/// A fresh epoch: 64 random bits as 13 characters, short enough that a std::string holds it without an allocation.
#pragma once

#include <string>

namespace greenroom::storage {

std::string new_epoch();  ///< any thread

}  // namespace greenroom::storage
