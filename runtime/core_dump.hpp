/// CORE_DUMP keeps what is secret out of core dumps: keys, tokens, what clients say. All of it passes through ordinary memory,
/// so all memory is left out, stacks included: a core tells the registers of every thread and what was mapped, no more.
///
/// Threading: early in main; it holds for the process and what it starts. Failure: the reason; core dumps are as they were.
#pragma once

#include <system_error>

namespace greenroom::runtime {

/// `/proc/self/coredump_filter` (core(5)); whether and where a core is written is not touched.
std::error_code leave_memory_out_of_core_dumps() noexcept;

}  // namespace greenroom::runtime
