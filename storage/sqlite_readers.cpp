#include "storage/sqlite_readers.hpp"

namespace greenroom::storage {

std::unique_ptr<connection> sqlite_readers::take() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return !closed_ && !idle_.empty(); });
  auto one = std::move(idle_.back());
  idle_.pop_back();
  return one;
}

void sqlite_readers::give_back(std::unique_ptr<connection> one) noexcept {
  {
    std::lock_guard guard{mutex_};
    idle_.push_back(std::move(one));  // there is place: it was taken from there
  }
  changed_.notify_all();
}

void sqlite_readers::close() {
  std::unique_lock lock{mutex_};
  closed_ = true;
  changed_.wait(lock, [this] { return idle_.size() == count_; });
  for (auto& one : idle_) one.reset();
}

void sqlite_readers::open() {
  {
    std::lock_guard guard{mutex_};
    closed_ = false;
  }
  changed_.notify_all();
}

}  // namespace greenroom::storage
