#include "actors/page.hpp"

#include <algorithm>

namespace greenroom {
namespace {

/// Nothing from elsewhere, nothing inline, no markup made from text, in nobody's frame.
constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// Pages from elsewhere on the node's machine may import the client module; the rest is the start page's alone.
bool is_for_everyone(const page_file& file) { return file.path.starts_with("/assets/greenroom/"); }

}  // namespace

const page_file* find_page_file(std::string_view path) noexcept {
  const auto found =
      std::find_if(page_files.begin(), page_files.end(), [path](const page_file& each) { return each.path == path; });
  return found == page_files.end() ? nullptr : &*found;
}

runtime::http_response page_answer(const page_file& file, const runtime::http_request& request) {
  runtime::http_response answer;
  answer.fields = {{"ETag", std::string{file.etag}},
                   {"Cache-Control", "no-cache"},
                   {"Referrer-Policy", "no-referrer"},
                   {"Content-Security-Policy", std::string{page_policy}},
                   {"Cross-Origin-Resource-Policy", is_for_everyone(file) ? "cross-origin" : "same-origin"}};
  if (request.lists("If-None-Match", file.etag)) {
    answer.status = 304;
    return answer;
  }
  answer.content_type = file.type;
  answer.body = file.body;
  return answer;
}

}  // namespace greenroom
