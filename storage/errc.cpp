#include "storage/errc.hpp"

#include <string>

namespace greenroom::storage {
namespace {

class storage_category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "storage"; }

  std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::success: return "The operation is stored.";
      case errc::conflict: return "The id was used before for other content.";
      case errc::queue_full: return "The inbox of the recipient is full.";
      case errc::unavailable: return "The store has no room at the moment.";
      case errc::outcome_unknown: return "The store failed during the commit; retry with the same id.";
      case errc::not_found: return "There is no such entry in the store.";
      case errc::too_large: return "A name, id, body or snapshot is over its limit.";
    }
    return "An unknown storage error.";
  }
};

}  // namespace

const std::error_category& category() noexcept {
  static const storage_category instance;
  return instance;
}

}  // namespace greenroom::storage
