/// SCHEMAS are the JSON Schemas that the config names: of the events of a namespace, and of services' methods. What clients
/// send is checked before anybody else sees it, whatever protocol brings it; what the node's own code sends is not.
///
/// Of parameters that are a list of one item the item is checked: to protocols whose events have arguments that is the
/// same as the item alone.
///
/// Lifecycle: made at start, which reads the files; nothing of it changes afterwards. Threading: any; each shard has a copy
/// of each schema, so that its lock is free. Bounds: those of codecs::schema. Failure: make_schemas throws bad_config with
/// the entry and what is wrong with it; a payload that is wrong gives the error for its sender.
#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codecs/outcome.hpp"
#include "codecs/schema.hpp"
#include "runtime/config.hpp"

namespace greenroom {

class schemas {
 public:
  schemas(const runtime::config& from, std::size_t shards);

  bool empty() const noexcept { return methods_.empty() && namespaces_.empty(); }

  /// Why that must not be published in rooms of that namespace; nothing: it may.
  std::optional<codecs::error> of_event(std::string_view name_space, std::string_view event,
                                        const codecs::payload_ptr& body) const;
  /// The same of what is said to a channel that a service serves, as a list of arguments.
  std::optional<codecs::error> of_channel_event(std::string_view name_space, std::string_view event,
                                                const codecs::payload_ptr& params) const;
  std::optional<codecs::error> of_method(std::string_view method, const codecs::payload_ptr& params) const;

 private:
  struct copy {
    explicit copy(codecs::schema of) : rules{std::move(of)} {}
    std::mutex mutex;
    const codecs::schema rules;
  };
  using copies = std::vector<std::unique_ptr<copy>>;  ///< by shard; of threads that are none, the first
  struct events {
    std::map<std::string, copies, std::less<>> by_name;
    copies others;  ///< empty: they have none
  };

  const copies* of(std::string_view name_space, std::string_view event) const;

  std::map<std::string, events, std::less<>> namespaces_;
  std::map<std::string, copies, std::less<>> methods_;
};

/// Null where the config names no schema.
std::shared_ptr<const schemas> make_schemas(const runtime::config& from, std::size_t shards);

}  // namespace greenroom
