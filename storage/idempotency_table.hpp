/// Which ids senders have used, and what came of them. A record lives for `age_ms`; it goes early when its sender has
/// more than `per_sender_max` younger ones, or by `evict` when the whole store holds too many bytes. Both are counted,
/// because a repeat of that id would no longer be noticed.
///
/// One node of the heap a record, threaded on two lists: all records by age, and each sender's by age. The oldest of
/// all is therefore always the oldest of its sender.
///
/// Threading: none of its own; the stripe that holds it locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "storage/operation.hpp"
#include "storage/striped.hpp"

namespace greenroom::storage {

class idempotency_table {
 public:
  /// What the first message under an id got.
  struct original {
    position at{};
    std::uint64_t n = 0;
    std::int64_t at_ms = 0;
  };

  struct record {
    std::array<std::byte, 16> content{};
    original answer{};
  };

  idempotency_table() = default;
  idempotency_table(const idempotency_table&) = delete;
  idempotency_table& operator=(const idempotency_table&) = delete;

  /// Null where the id is new, or older than `age_ms`.
  const record* find(const idempotency& once, std::int64_t now_ms, std::int64_t age_ms) const;
  /// `find` answered null. Ends the sender's oldest records over `per_sender_max`.
  void insert(const idempotency& once, original answer, std::size_t per_sender_max);
  std::size_t expire(std::int64_t now_ms, std::int64_t age_ms, std::size_t removals_max);
  std::size_t evict(std::size_t removals_max);  ///< the oldest first; counted as evicted

  std::size_t size() const noexcept { return records_.size(); }
  std::uint64_t bytes() const noexcept { return bytes_; }  ///< an estimate of the heap that the records hold
  std::uint64_t evicted() const noexcept { return evicted_; }

 private:
  struct entry;
  struct sender;
  using sender_node = std::pair<const std::string, sender>;
  // The hash is kept: computing it again would cost the cache misses of the node and of its id.
  struct key_view {
    const sender_node* from;
    std::string_view id;
    std::size_t hash;
    key_view(const sender_node& of, std::string_view text) noexcept
        : from{&of}, id{text}, hash{text_hash{}(text) ^ std::hash<const void*>{}(&of)} {}
    key_view(const sender_node* of, std::string_view text, std::size_t known) noexcept
        : from{of}, id{text}, hash{known} {}
  };
  struct key {
    sender_node* from;
    std::string id;
    std::size_t hash;
    operator key_view() const noexcept { return {from, id, hash}; }
  };
  struct key_hash {
    using is_transparent = void;
    std::size_t operator()(const key_view& k) const noexcept { return k.hash; }
  };
  struct key_equal {
    using is_transparent = void;
    bool operator()(const key_view& a, const key_view& b) const noexcept {
      return a.hash == b.hash && a.from == b.from && a.id == b.id;
    }
  };
  using node = std::pair<const key, entry>;

  struct sender {
    node* oldest = nullptr;
    node* newest = nullptr;
    std::size_t count = 0;
  };
  struct entry {
    record kept;
    node* older = nullptr;  // of all senders
    node* newer = nullptr;
    node* newer_of_sender = nullptr;
  };

  static std::uint64_t cost(const node& of) noexcept;
  static std::uint64_t cost(const sender_node& of) noexcept;
  void remove_oldest(sender_node& of);
  void forget_expired(const idempotency& once);

  std::unordered_map<std::string, sender, text_hash, std::equal_to<>> senders_;
  std::unordered_map<key, entry, key_hash, key_equal> records_;
  node* oldest_ = nullptr;
  node* newest_ = nullptr;
  std::uint64_t bytes_ = 0;
  std::uint64_t evicted_ = 0;
};

}  // namespace greenroom::storage
