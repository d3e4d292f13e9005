/// PAGE is what a node serves to browsers: the start page at / and, below /assets/, its parts and the client module. The
/// files stand in clients/page and clients/js as they are served; their bytes are part of the binary
/// (clients/page/embed.cmake).
///
/// Threading: any; nothing changes after the start. Bounds: the table's; a body is copied for each answer.
#pragma once
#include <span>
#include <string_view>

#include "runtime/http.hpp"

namespace greenroom {

struct page_file {
  std::string_view path;  ///< as it is asked for
  std::string_view type;
  std::string_view etag;  ///< of the content, with its quotes
  std::string_view body;
};

extern const std::span<const page_file> page_files;  ///< made by the build

const page_file* find_page_file(std::string_view path) noexcept;

/// The file, or 304 where the browser has it.
runtime::http_response page_answer(const page_file& file, const runtime::http_request& request);

}  // namespace greenroom
