#include "runtime/http_shards.hpp"

#include <atomic>
#include <chrono>
#include <limits>
#include <string>
#include <utility>

#include "runtime/http_impl.hpp"
#include "runtime/moved_connection_impl.hpp"

namespace greenroom::runtime {
namespace {

constexpr std::chrono::seconds retry_after{1};  // a gateway that restarts is back by then
constexpr std::chrono::seconds write_time{5};

/// Both ends have lost their server: the client hears so from the socket alone.
void answer_unavailable(shard& here, moved_connection_ptr what) {
  const auto link = std::make_shared<corked>(
      here, std::move(what->link), outbox_bounds{.reply_bytes_max = std::numeric_limits<std::uint32_t>::max()},
      std::make_shared<connection_counters>());
  const auto body = what->request.method == "HEAD" ? body_of_answer::leave_out : body_of_answer::send;
  link->out().push_reply(std::make_shared<const std::string>(
      write_response(http_unavailable(retry_after), make_trace(), connection_after::close, body)));
  link->end(write_time);
}

}  // namespace

struct http_shards::door {
  shard* home = nullptr;
  server* here = nullptr;  ///< Touched on that shard only.
  std::atomic<std::uint32_t> underway{0};
};

/// Counts one on its way, until it has arrived or was dropped.
class http_shards::passage {
 public:
  passage(std::shared_ptr<http_shards> through, std::size_t to) : through_{std::move(through)}, to_{to} {}
  passage(passage&& other) noexcept = default;
  passage& operator=(passage&&) = delete;
  ~passage() {
    if (through_) through_->doors_[to_]->underway.fetch_sub(1, std::memory_order_relaxed);
  }

  void arrive(moved_connection_ptr what) { through_->arrive(to_, std::move(what)); }

 private:
  std::shared_ptr<http_shards> through_;
  std::size_t to_;
};

http_shards::http_shards(std::vector<shard*> shards) {
  for (auto* each : shards) {
    doors_.push_back(std::make_unique<door>());
    doors_.back()->home = each;
  }
}

http_shards::~http_shards() = default;

void http_shards::enter(std::size_t shard, server& which) { doors_.at(shard)->here = &which; }

void http_shards::leave(std::size_t shard, const server& which) noexcept {
  if (doors_[shard]->here == &which) doors_[shard]->here = nullptr;
}

bool http_shards::send(std::size_t to, moved_connection_ptr& what) {
  if (to >= doors_.size()) return false;
  auto& door = *doors_[to];
  if (door.underway.fetch_add(1, std::memory_order_relaxed) >= underway_max) {
    door.underway.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  door.home->post(
      [way = passage{shared_from_this(), to}, what = std::move(what)]() mutable { way.arrive(std::move(what)); });
  return true;
}

void http_shards::arrive(std::size_t at, moved_connection_ptr what) {
  auto& door = *doors_[at];
  if (door.here) return door.here->on_arrival(std::move(what));
  const auto back = what->from;
  if (!std::exchange(what->returned, true) && send(back, what)) return;
  answer_unavailable(*door.home, std::move(what));
}

}  // namespace greenroom::runtime
