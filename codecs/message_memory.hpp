/// MESSAGE_MEMORY is the memory that a message needs on its way, used again: what was freed on a thread is what that thread
/// takes next, so that a steady stream of messages asks the allocator for nothing.
///
///   auto one = make_recycled<envelope>();          as std::make_shared, its block comes back
///   std::vector<item, recycled<item>> items;       as std::allocator
///   auto frame = share(std::move(text));           a frame's bytes; the string's room comes back (spare_string)
///
/// Not for what is kept: a spare string may have more room than its text. What history keeps is as long as it is.
///
/// Lifecycle: blocks may be freed on another thread than they were taken on, and stay there. A thread that ends gives back
/// what it keeps. Threading: any; nothing is shared between threads.
/// Bounds: of each thread `block_bytes_kept` in each of 16 sizes up to `block_bytes_max`, and `spare_strings_max` strings of
/// at most `spare_bytes_max`; what is larger, or more, goes to the allocator. Under the sanitizers everything does.
/// Failure: std::bad_alloc.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace greenroom::codecs {

inline constexpr std::size_t block_bytes_max = 1'024;
inline constexpr std::size_t block_bytes_kept = 256u << 10;
inline constexpr std::size_t spare_strings_max = 256;
inline constexpr std::size_t spare_bytes_max = 1'024;

void* take_block(std::size_t bytes);
void give_block(void* block, std::size_t bytes) noexcept;  ///< the bytes that were asked for

template <class T>
struct recycled {
  using value_type = T;

  recycled() = default;
  template <class U>
  recycled(const recycled<U>&) noexcept {}

  T* allocate(std::size_t n) {
    static_assert(alignof(T) <= alignof(std::max_align_t));
    return static_cast<T*>(take_block(n * sizeof(T)));
  }
  void deallocate(T* what, std::size_t n) noexcept { give_block(what, n * sizeof(T)); }
  friend bool operator==(const recycled&, const recycled&) noexcept { return true; }
};

template <class T, class... Args>
std::shared_ptr<T> make_recycled(Args&&... args) {
  return std::allocate_shared<T>(recycled<std::remove_const_t<T>>{}, std::forward<Args>(args)...);
}

/// Empty, with whatever room it has.
std::string spare_string();
/// For the next one who asks.
void keep_spare(std::string&& text) noexcept;
/// A string whose room becomes spare when nobody has it any more.
std::shared_ptr<const std::string> share(std::string text);

}  // namespace greenroom::codecs
