// CAF_ORDER: what CAF 0.17 orders between threads, for a ThreadSanitizer that cannot see it. Part of the test programs that
// `./dev test --tsan` builds, and of nothing else.
//
// Debian's libcaf_core.so is not instrumented. Its mailboxes and reference counts are right, but their atomics are invisible
// when they run inside the library, and then every message that one thread makes and another one reads looks like a race. A
// suppression of frames named caf:: would hide our own races with it, since every handler of ours runs below such a frame.
// So the functions at which an order between threads begins or ends are defined here, and the dynamic linker prefers them:
// the counts are CAF's own lines, seen; the mailboxes say for each message that its sender comes before its reader.
// Whatever is ordered by neither is reported.
//
// A program with an instrumented CAF (docs/testing.md) needs none of this, and must say the same.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <caf/actor_control_block.hpp>
#include <caf/blocking_actor.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/memory_managed.hpp>
#include <caf/ref_counted.hpp>
#include <caf/scheduled_actor.hpp>

#include <cstdlib>
#include <utility>

namespace {

void comes_before(const void* what) { __tsan_release(const_cast<void*>(what)); }
void comes_after(const void* what) { __tsan_acquire(const_cast<void*>(what)); }

/// A message by the address that is deleted in the end.
const caf::memory_managed* of(const caf::mailbox_element& one) { return &one; }

/// CAF's own function behind one of those below.
template <class F>
F* caf_own(const char* symbol) {
  auto* found = reinterpret_cast<F*>(::dlsym(RTLD_NEXT, symbol));
  if (found == nullptr) std::abort();  // another CAF than 0.17: see what is to be told of it
  return found;
}

}  // namespace

namespace caf {

// --- counts: as in CAF's ref_counted.cpp, memory_managed.cpp and actor_control_block.cpp -----------------------------

void ref_counted::deref() const noexcept {
  if (unique()) return request_deletion(false);
  if (rc_.fetch_sub(1, std::memory_order_acq_rel) == 1) request_deletion(true);
}

void memory_managed::request_deletion(bool) const noexcept {
  comes_after(this);  // a message that nobody has read
  delete this;
}

bool intrusive_ptr_upgrade_weak(actor_control_block* x) {
  auto count = x->strong_refs.load();
  while (count != 0)
    if (x->strong_refs.compare_exchange_weak(count, count + 1, std::memory_order_relaxed)) return true;
  return false;
}

void intrusive_ptr_release_weak(actor_control_block* x) {
  if (x->weak_refs == 1 || x->weak_refs.fetch_sub(1, std::memory_order_acq_rel) == 1) x->block_dtor(x);
}

void intrusive_ptr_release(actor_control_block* x) {
  if (x->strong_refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  x->data_dtor(x->get());
  intrusive_ptr_release_weak(x);
}

// --- mailboxes -------------------------------------------------------------------------------------------------------

void scheduled_actor::enqueue(mailbox_element_ptr what, execution_unit* host) {
  static const auto own = caf_own<void(scheduled_actor*, mailbox_element_ptr, execution_unit*)>(
      "_ZN3caf15scheduled_actor7enqueueESt10unique_ptrINS_15mailbox_elementENS_6detail8disposerEEPNS_14execution_"
      "unitE");
  comes_before(of(*what));
  own(this, std::move(what), host);
}

auto scheduled_actor::reactivate(mailbox_element& x) -> activation_result {
  static const auto own = caf_own<activation_result(scheduled_actor*, mailbox_element&)>(
      "_ZN3caf15scheduled_actor10reactivateERNS_15mailbox_elementE");
  comes_after(of(x));
  return own(this, x);
}

// A thread's own actor reads several messages after one wait: all that were sent to it come before.
void blocking_actor::enqueue(mailbox_element_ptr what, execution_unit* host) {
  static const auto own = caf_own<void(blocking_actor*, mailbox_element_ptr, execution_unit*)>(
      "_ZN3caf14blocking_actor7enqueueESt10unique_ptrINS_15mailbox_elementENS_6detail8disposerEEPNS_14execution_unitE");
  comes_before(of(*what));
  comes_before(this);
  own(this, std::move(what), host);
}

void blocking_actor::await_data() {
  static const auto own = caf_own<void(blocking_actor*)>("_ZN3caf14blocking_actor10await_dataEv");
  own(this);
  comes_after(this);
}

bool blocking_actor::await_data(timeout_type until) {
  static const auto own = caf_own<bool(blocking_actor*, timeout_type)>(
      "_ZN3caf14blocking_actor10await_dataENSt6chrono10time_pointINS1_3_V212system_clockENS1_"
      "8durationIlSt5ratioILl1ELl1000000000EEEEEE");
  const bool came = own(this, until);
  comes_after(this);
  return came;
}

}  // namespace caf
