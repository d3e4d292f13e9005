// SANITIZED: whether this is a sanitizer's build. What measures the heap, or starves the process of descriptors, then says so
// and measures nothing: the sanitizer keeps freed memory, pads what is allocated, and opens pipes of its own.
#pragma once

namespace greenroom::tests {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)  // g++
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)  // clang
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace greenroom::tests
