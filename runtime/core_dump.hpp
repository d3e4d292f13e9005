/// CORE_DUMP keeps what is secret out of core dumps: keys, tokens, what clients say. All of it passes through ordinary memory,
/// and through the vector registers, which stand in every core: so none is written. Where somebody raises the limit all the same, memory
/// is left out, stacks included.
///
/// Threading: early in main; it holds for the process and what it starts. Failure: the reason; core dumps are as they were.
#pragma once

#include <system_error>

namespace greenroom::runtime {

/// The soft limit RLIMIT_CORE is 1 byte: nothing goes into a file, and the kernel starts no program of core_pattern either, which
/// it would with 0. `/proc/self/coredump_filter` (core(5)) leaves memory out.
std::error_code write_no_core_dumps() noexcept;

}  // namespace greenroom::runtime
