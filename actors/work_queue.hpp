/// WORK_QUEUE holds the calls that no worker has room for, in the order in which they came: a worker with room takes the
/// oldest call of the methods that it answers.
///
/// Threading: one thread. Bounds: limits::work_waiting_max, and limits::work_waiting_of_method_max for one method.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/router.hpp"

namespace greenroom {

class work_queue {
 public:
  std::size_t size() const noexcept { return places_.size(); }

  /// False where it is full.
  bool push(router::call_ptr what);
  /// Null where that call does not wait.
  router::call_ptr remove(std::uint64_t id);
  /// The oldest call of these methods; null where none waits.
  router::call_ptr pop(const std::set<std::string, std::less<>>& methods);
  /// All calls of one method, the oldest first.
  std::vector<router::call_ptr> take(std::string_view method);

 private:
  using line = std::map<std::uint64_t, router::call_ptr>;  ///< by the order in which they came
  using lines = std::map<std::string, line, std::less<>>;

  struct place {
    lines::iterator which;
    line::iterator what;
  };

  lines lines_;                                      ///< by method; none is empty
  std::unordered_map<std::uint64_t, place> places_;  ///< by the call's id
  std::uint64_t last_ = 0;

  router::call_ptr take(place from);
};

}  // namespace greenroom
