/// A table cut into `limits::stripes` parts by the hash of its key, each behind a lock and on cache lines of its own.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "storage/limits.hpp"

namespace greenroom::storage {

/// Lets an unordered_map with std::string keys find by std::string_view.
struct text_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

template <class Part>
class striped {
 public:
  /// The part and the lock that was taken for it.
  template <class T>
  struct locked {
    std::unique_lock<std::mutex> lock;
    T* part;
    T* operator->() const noexcept { return part; }
    T& operator*() const noexcept { return *part; }
  };

  locked<Part> at(std::string_view key) { return part(index(key)); }
  locked<const Part> at(std::string_view key) const { return part(index(key)); }
  locked<Part> part(std::size_t i) { return {std::unique_lock{slots_[i].mutex}, &slots_[i].part}; }
  locked<const Part> part(std::size_t i) const { return {std::unique_lock{slots_[i].mutex}, &slots_[i].part}; }

 private:
  struct alignas(64) slot {
    mutable std::mutex mutex;
    Part part;
  };

  // The high bits: the maps inside use the low ones.
  static std::size_t index(std::string_view key) noexcept {
    return (text_hash{}(key) >> (8 * sizeof(std::size_t) - 16)) % limits::stripes;
  }

  std::array<slot, limits::stripes> slots_;
};

}  // namespace greenroom::storage
