#include "codecs/errc.hpp"

#include <string>

namespace greenroom::codecs {
namespace {

struct category final : std::error_category {
  const char* name() const noexcept override { return "codecs"; }
  std::string message(int code) const override {
    switch (static_cast<errc>(code)) {
      case errc::success: return "No error.";
      case errc::ill_formed: return "The input is not well formed.";
      case errc::too_deep: return "The input is nested too deeply.";
      case errc::too_many_elements: return "The input has too many elements.";
      case errc::declares_too_much: return "The input declares more than a message may hold.";
      case errc::number_out_of_range: return "A number does not fit 64 bits.";
      case errc::number_not_finite: return "A number is not finite.";
      case errc::invalid_utf8: return "A string is not valid UTF-8.";
      case errc::key_not_text: return "A map has a key that is not a string.";
    }
    return "Unknown error.";
  }
};

}  // namespace

const std::error_category& codecs_category() noexcept {
  static const category instance;
  return instance;
}

}  // namespace greenroom::codecs
