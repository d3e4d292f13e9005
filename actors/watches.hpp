#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace greenroom {

/// WATCHES are the users whom one session watches, and what its client was told of each: the digest of the state that
/// it was sent last, as long as that has provably arrived. What may have been lost with a connection is told again.
///
/// Bounds: config presence.watches_max, kept by whoever adds.
class watches {
 public:
  void add(std::string_view user) { all_.try_emplace(std::string{user}); }
  void remove(std::string_view user);
  bool contains(std::string_view user) const { return all_.contains(user); }
  std::size_t size() const noexcept { return all_.size(); }
  std::vector<std::string> users() const;

  /// Whether that state is another than the client was told last; then it counts as told.
  bool tell(std::string_view user, std::uint64_t digest);

  void ping_left() { marked_ = last_; }        ///< Nothing is unsent: its answer proves all that was told before.
  void ping_answered() { proven_ = marked_; }  ///< That ping's.
  void connection_lost();                      ///< Of what is not proven nobody knows whether the client has it.

 private:
  struct knowledge {
    std::uint64_t told = 0;    ///< digest; 0: nothing that is known to count
    std::uint64_t number = 0;  ///< of that telling
  };
  std::map<std::string, knowledge, std::less<>> all_;
  std::uint64_t last_ = 0, marked_ = 0, proven_ = 0;  ///< numbers of tellings
};

}  // namespace greenroom
