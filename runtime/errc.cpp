#include "runtime/errc.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <caf/message.hpp>

#include <utility>

namespace greenroom::runtime {

namespace {

constexpr auto category = caf::atom("runtime");

std::string sentence(std::uint8_t code, const caf::message& context) {
  std::string text = message(static_cast<errc>(code));
  if (context.match_elements<std::string>()) text += ": " + context.get_as<std::string>(0);
  return text;
}

}  // namespace

caf::error make_error(errc code) { return {static_cast<std::uint8_t>(code), category}; }

caf::error make_error(errc code, std::string why) {
  return {static_cast<std::uint8_t>(code), category, caf::make_message(std::move(why))};
}

const char* message(errc code) noexcept {
  switch (code) {
    case errc::success: return "no error";
    case errc::crashed: return "the actor failed while it handled this message";
    case errc::restarting: return "the actor is being restarted";
    case errc::gave_up: return "supervision gave up after too many restarts";
    case errc::not_started: return "the child could not be started";
  }
  return "unknown error";
}

std::string explain(const caf::error& error) {
  if (error.category() != category) return caf::to_string(error);
  return sentence(error.code(), error.context());
}

std::string what(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

void add_error_category(caf::actor_system_config& config) {
  config.add_error_category(category, [](std::uint8_t code, caf::atom_value, const caf::message& context) {
    return sentence(code, context);
  });
}

}  // namespace greenroom::runtime
