/// WORKER_TABLE knows who answers which method and how busy everyone is, and picks whom to give a call to: the worker
/// with the smallest share of its capacity in use, among equals the one that has waited longest.
///
/// Threading: one thread. Bounds: its owner's. A pick looks at every worker of the method.
#pragma once
#include <caf/actor.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/ids.hpp"
#include "actors/worker_board.hpp"

namespace greenroom {

using worker_key = std::uint64_t;  ///< the number of its connection's actor

struct worker {
  worker_key key = 0;
  session_id session;
  caf::actor talks;       ///< its session, which asks its client
  caf::actor connection;  ///< as long as it lives, the worker does
  std::uint32_t capacity = 0, in_flight = 0;
  std::uint64_t last_given = 0;  ///< when, in picks
  bool gone = false;             ///< it gets nothing more; the end of its connection is on its way
  std::set<std::string, std::less<>> methods;
  std::shared_ptr<worker_figures> figures;

  bool has_room() const noexcept { return !gone && in_flight < capacity; }
};

class worker_table {
 public:
  worker* find(worker_key key);
  worker& add(worker what);  ///< its key must be new
  void remove(worker_key key);
  std::size_t size() const noexcept { return all_.size(); }
  std::vector<worker*> everyone();

  void serve(worker& who, const std::string& method);
  void stop(worker& who, const std::string& method);
  bool serves(std::string_view method) const { return by_method_.contains(method); }
  std::vector<worker*> of(std::string_view method) const;
  /// Null where nobody of the method's workers has room.
  worker* pick(std::string_view method);

 private:
  std::unordered_map<worker_key, std::unique_ptr<worker>> all_;
  std::map<std::string, std::vector<worker*>, std::less<>> by_method_;  ///< no empty lists
  std::uint64_t picks_ = 0;
};

}  // namespace greenroom
