/// Connections that only read, lent to one thread at a time. Each read is a transaction, so that all of its answer is of
/// one moment. They never write and never checkpoint.
///
/// Threading: any thread. Bounds: `count`; over it a reader waits for another one to end.
/// Failure: sqlite_error leaves `read`; after it that connection is closed and made anew by the next reader.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "storage/sqlite_connection.hpp"

namespace greenroom::storage {

class sqlite_readers {
 public:
  using make = std::function<std::unique_ptr<connection>()>;

  sqlite_readers(make one, std::size_t count) : make_{std::move(one)}, idle_(count), count_{count} {}

  template <class Read>
  auto read(Read&& what) {
    loan one{*this};
    one->change(sql::begin_read);
    auto found = what(*one);
    one->change(sql::commit);
    one.sound();
    return found;
  }

  /// Waits until every connection is back and closes all; reads wait until `open`.
  void close();
  void open();

 private:
  class loan {
   public:
    explicit loan(sqlite_readers& from) : from_{from}, one_{from.take()} {}
    loan(const loan&) = delete;
    loan& operator=(const loan&) = delete;
    ~loan() { from_.give_back(sound_ ? std::move(one_) : nullptr); }

    connection* operator->() {
      if (!one_) one_ = from_.make_();
      return one_.get();
    }
    connection& operator*() { return *operator->(); }
    void sound() noexcept { sound_ = true; }

   private:
    sqlite_readers& from_;
    std::unique_ptr<connection> one_;
    bool sound_ = false;
  };

  std::unique_ptr<connection> take();
  void give_back(std::unique_ptr<connection> one) noexcept;

  const make make_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<connection>> idle_;  // null: to be made by whoever takes it
  const std::size_t count_;
  bool closed_ = false;
};

}  // namespace greenroom::storage
