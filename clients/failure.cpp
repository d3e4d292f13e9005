#include "clients/failure.hpp"

namespace greenroom::clients {
namespace {

std::string sentence_of(const codecs::error& why) {
  std::string text = "the node refused: " + why.message + " (" + std::to_string(static_cast<int>(why.code));
  if (!why.path.empty()) text += ", at " + why.path;
  if (!why.reason.empty()) text += ", " + why.reason;
  if (why.retry_after_ms) text += ", try again in " + std::to_string(*why.retry_after_ms) + " ms";
  if (!why.trace.empty()) text += ", trace " + why.trace;
  return text + ")";
}

}  // namespace

refusal::refusal(const codecs::error& why) : std::runtime_error{sentence_of(why)}, code_{why.code} {}

}  // namespace greenroom::clients
