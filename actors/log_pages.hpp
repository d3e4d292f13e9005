/// LOG_PAGES reads a room's log for members of one shard that catch up. Members that wait at the same position get the
/// same page, whose messages are decoded and encoded once.
///
/// Lifecycle: a member of the relay's State; callbacks run on the relay, not any more when its life is over.
/// Threading: the relay's. Bounds: a page holds limits::feed_messages_max messages and limits::feed_bytes_max; one page
///   is read at a time for each position where somebody waits.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/per_codec.hpp"
#include "actors/room_policy.hpp"
#include "actors/subscription.hpp"
#include "codecs/codec.hpp"
#include "codecs/envelope.hpp"
#include "runtime/actor_base.hpp"
#include "runtime/outbox.hpp"
#include "storage/log.hpp"

namespace greenroom {

struct context;
class meters;

class log_pages {
 public:
  struct message {
    std::uint64_t seq = 0;
    codecs::envelope_ptr what;  ///< null: damaged
    runtime::frame frame(codecs::codec_id codec, meters& counts);

   private:
    per_codec<runtime::frame> frames_{};
  };
  struct page {
    bool readable = true;             ///< false: the disk does not let it be read now
    std::vector<message> messages{};  ///< oldest first
    std::uint64_t upto = 0;           ///< the end of the log when it was read: what is newer may be missing here
  };

  log_pages(runtime::actor_base* self, context& ctx) : self_{self}, ctx_{ctx} {}

  using then = std::function<void(const subscription_ptr&, page&)>;
  /// The page behind that member's position; nothing where one is being read for it.
  void read(const subscription_ptr& who, const room_policy& policy, const std::string& epoch, const then& what);
  /// The end of a room's log; null where there is none.
  void head(const std::string& room, const room_policy& policy,
            std::function<void(const storage::log_head*)> what) const;

 private:
  using key = std::pair<std::string, std::uint64_t>;
  page made(const std::string& room, const std::string& epoch, const storage::log_page& from) const;

  runtime::actor_base* self_;
  context& ctx_;
  std::map<key, std::vector<subscription_ptr>> waiting_;
};

enum class written : std::uint8_t {
  some,           ///< the page is over, and the member lacks more
  all_that_fits,  ///< its outbox is full
  everything,     ///< it stands at `upto`
};

/// Writes a page into the member's outbox, up to the position that is published. What the log does not have any more, or
/// has damaged, is said (`room.notice dropped`), never skipped silently.
written write_messages(context& ctx, subscription& to, std::uint64_t upto, log_pages::page& page);

}  // namespace greenroom
