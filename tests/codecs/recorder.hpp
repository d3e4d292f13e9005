#pragma once
#include <string>
#include <utility>
#include <vector>

#include "codecs/codec.hpp"

namespace greenroom::codecs {

/// A sink that writes down what it hears, for tests.
struct recorder final : sink {
  void on_call(reply_ref ref, call what) override {
    log.push_back("call " + std::string{method_of(what)});
    refs.push_back(std::move(ref));
    calls.push_back(std::move(what));
  }
  void on_bad_call(reply_ref ref, error why) override {
    log.push_back("bad " + std::to_string(static_cast<int>(why.code)) + (why.path.empty() ? "" : " " + why.path));
    refs.push_back(std::move(ref));
    errors.push_back(std::move(why));
  }
  void on_settled(reply_ref ref, outcome what) override {
    log.push_back("settled");
    refs.push_back(std::move(ref));
    settled.push_back(std::move(what));
  }
  void on_answer(std::string id, outcome what) override {
    log.push_back("answer " + id);
    answers.push_back(std::move(what));
  }
  void on_batch_begin(format) override { log.push_back("["); }
  void on_batch_end() override { log.push_back("]"); }

  std::vector<std::string> log;
  std::vector<reply_ref> refs;
  std::vector<call> calls;
  std::vector<error> errors;
  std::vector<outcome> answers, settled;
};

/// What a native dialogue makes of one piece of input.
inline recorder hear(frame_kind kind, std::string_view input, verdict* left = nullptr) {
  recorder to;
  const auto after = make_native_dialogue(codec_id::native_json)->decode(kind, input, to);
  if (left != nullptr) *left = after;
  return to;
}

using strings = std::vector<std::string>;

}  // namespace greenroom::codecs
