#include "codecs/message_memory.hpp"

#include <array>
#include <new>
#include <type_traits>
#include <vector>

namespace greenroom::codecs {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool recycles = false;  // they must see who uses what was freed
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool recycles = false;
#else
constexpr bool recycles = true;
#endif
#else
constexpr bool recycles = true;
#endif

constexpr std::size_t step = 64;  // bytes from one size to the next
constexpr std::size_t sizes = block_bytes_max / step;

struct free_block {
  free_block* next;
};

/// Of one thread. Without a constructor or destructor, so that it is there as long as the thread is.
struct kept_blocks {
  struct of_size {
    free_block* first;
    std::size_t count;
  };
  std::array<of_size, sizes> by_size;
  bool ended;  ///< its thread gives everything back now
};
constinit thread_local kept_blocks blocks{};

constexpr std::size_t index_of(std::size_t bytes) { return bytes == 0 ? 0 : (bytes - 1) / step; }
constexpr std::size_t size_of(std::size_t index) { return (index + 1) * step; }

/// Gives back what the thread keeps when it ends.
struct at_end {
  ~at_end() {
    blocks.ended = true;
    for (auto& each : blocks.by_size)
      while (each.first != nullptr) ::operator delete(std::exchange(each.first, each.first->next));
  }
  void there() const noexcept {}
};
thread_local const at_end guard;

struct spare_strings {
  std::vector<std::string> kept;
  ~spare_strings() { gone = true; }
  static constinit thread_local bool gone;
};
constinit thread_local bool spare_strings::gone = false;
thread_local spare_strings spares;

struct shared_text {
  explicit shared_text(std::string of) : text{std::move(of)} {}
  shared_text(const shared_text&) = delete;
  shared_text& operator=(const shared_text&) = delete;
  ~shared_text() { keep_spare(std::move(text)); }
  std::string text;
};

}  // namespace

void* take_block(std::size_t bytes) {
  if (!recycles || bytes > block_bytes_max) return ::operator new(bytes);
  auto& all = blocks.by_size[index_of(bytes)];
  if (all.first == nullptr) return ::operator new(size_of(index_of(bytes)));
  --all.count;
  return std::exchange(all.first, all.first->next);
}

void give_block(void* block, std::size_t bytes) noexcept {
  if (!recycles || bytes > block_bytes_max || blocks.ended) return ::operator delete(block);
  const auto index = index_of(bytes);
  auto& all = blocks.by_size[index];
  if (all.count >= block_bytes_kept / size_of(index)) return ::operator delete(block);
  if (all.first == nullptr) guard.there();  // makes it, where this is the thread's first
  all.first = new (block) free_block{all.first};
  ++all.count;
}

std::string spare_string() {
  if (!recycles || spare_strings::gone || spares.kept.empty()) return {};
  auto one = std::move(spares.kept.back());
  spares.kept.pop_back();
  return one;
}

void keep_spare(std::string&& text) noexcept {
  static const auto without_heap = std::string{}.capacity();
  auto taken = std::move(text);
  if (!recycles || taken.capacity() == without_heap || taken.capacity() > spare_bytes_max || spare_strings::gone)
    return;
  auto& kept = spares.kept;
  if (kept.capacity() == 0) try {
      kept.reserve(spare_strings_max);
    } catch (const std::bad_alloc&) {
      return;
    }
  if (kept.size() == spare_strings_max) return;
  taken.clear();
  kept.push_back(std::move(taken));
}

std::shared_ptr<const std::string> share(std::string text) {
  auto held = make_recycled<shared_text>(std::move(text));
  const auto* bytes = &held->text;
  return {std::move(held), bytes};
}

}  // namespace greenroom::codecs
