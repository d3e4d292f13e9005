/// The runtime's errors, as CAF carries them: eight bits and a category.
#pragma once

#include <caf/error.hpp>

#include <cstdint>
#include <exception>
#include <string>

namespace caf {
class actor_system_config;
}

namespace greenroom::runtime {

enum class errc : std::uint8_t {
  success = 0,
  crashed,      ///< The actor failed while it handled this; it may be restarted, the message is not fed again.
  restarting,   ///< The actor's State is being built anew.
  gave_up,      ///< Supervision gave up after too many restarts.
  not_started,  ///< A child's start function threw or gave nothing.
};

caf::error make_error(errc code);  // found by CAF through argument-dependent lookup
caf::error make_error(errc code, std::string why);

/// A sentence a code; "unknown error" for what is none.
const char* message(errc code) noexcept;
/// Whatever CAF reports, for a log line: ours as a sentence with its reason, CAF's as CAF writes it.
std::string explain(const caf::error& error);
/// The text of a caught exception.
std::string what(const std::exception_ptr& thrown);
/// Makes caf::actor_system::render() write our sentences.
void add_error_category(caf::actor_system_config& config);

}  // namespace greenroom::runtime
