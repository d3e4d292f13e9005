/// The idempotency records of the memory backend: one table a stripe, by sender. Over the bound of all bytes the
/// fullest stripe gives up its oldest records, so that one busy sender does not cost the others theirs.
///
/// Threading: any thread. A claim holds its stripe's lock until it ends, so that the message and its record are one
/// step and a repeat waits for the original.
#pragma once

#include "storage/budget.hpp"
#include "storage/idempotency_table.hpp"
#include "storage/store.hpp"
#include "storage/striped.hpp"

namespace greenroom::storage {

class memory_ids {
  struct stripe {
    idempotency_table table;
    share used;
    std::uint64_t duplicates = 0, conflicts = 0;
  };

 public:
  class claim {
   public:
    std::optional<outcome> known();        ///< what the id got before, counted as duplicate or conflict
    void record(const outcome& original);  ///< once, after `known` had nothing

   private:
    friend class memory_ids;
    claim(memory_ids& owner, const idempotency& once, std::int64_t now_ms)
        : owner_{owner}, once_{once}, now_ms_{now_ms}, in_{owner.stripes_.at(once.sender)} {}

    memory_ids& owner_;
    const idempotency& once_;
    std::int64_t now_ms_;
    striped<stripe>::locked<stripe> in_;
  };

  memory_ids(std::uint64_t bytes_max, std::size_t per_sender_max, std::int64_t age_ms)
      : budget_{bytes_max}, per_sender_max_{per_sender_max}, age_ms_{age_ms} {}

  claim look(const idempotency& once, std::int64_t now_ms) { return {*this, once, now_ms}; }
  void shrink();  ///< while the bytes are over their bound; no claim may be held
  std::size_t sweep(std::size_t stripe, std::int64_t now_ms, std::size_t removals_max);

  std::optional<outcome> recall(const idempotency& once, std::int64_t now_ms) const;
  void count(statistics& into) const;

 private:
  static outcome answer(const idempotency_table::record& found, const idempotency& once);
  void settle(stripe& in, std::uint64_t bytes_before);
  std::size_t fullest() const;

  budget budget_;
  const std::size_t per_sender_max_;
  const std::int64_t age_ms_;
  striped<stripe> stripes_;
};

}  // namespace greenroom::storage
