#include "runtime/rehearsal.hpp"

#include <atomic>

namespace greenroom::runtime::rehearsal {
namespace {

std::atomic<bool> may_fail{false};

}  // namespace

void allow(bool yes) noexcept { may_fail.store(yes, std::memory_order_relaxed); }
bool allowed() noexcept { return may_fail.load(std::memory_order_relaxed); }

}  // namespace greenroom::runtime::rehearsal
