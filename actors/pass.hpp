/// PASS is runtime::tell for messages that come with every publish: the mailbox element is in message memory, and costs the
/// allocator nothing. What it says, and to whom, is the same.
///
/// Threading: as tell; the element's block stays with the thread of the receiver.
#pragma once
#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/mailbox_element.hpp>

#include <utility>

#include "codecs/message_memory.hpp"
#include "runtime/ask.hpp"

namespace greenroom {

/// What caf::mailbox_element_vals<M> is, but for where it lies.
template <class M>
class recycled_element final : public caf::mailbox_element,
                               public caf::detail::tuple_vals_impl<caf::type_erased_tuple, M> {
 public:
  recycled_element(caf::strong_actor_ptr sender, M&& message)
      : caf::mailbox_element{std::move(sender), caf::make_message_id(), {}},
        caf::detail::tuple_vals_impl<caf::type_erased_tuple, M>{std::move(message)} {}

  caf::type_erased_tuple& content() override { return *this; }
  const caf::type_erased_tuple& content() const override { return *this; }
  caf::message move_content_to_message() override { return caf::make_message(std::move(std::get<0>(this->data()))); }
  caf::message copy_content_to_message() const override { return caf::make_message(std::get<0>(this->data())); }

  static void* operator new(std::size_t bytes) { return codecs::take_block(bytes); }
  static void operator delete(void* block, std::size_t bytes) noexcept { codecs::give_block(block, bytes); }
};

/// With an identity: the receiver may read self->current_sender().
template <class M>
requires(!runtime::asked<M>) void pass(caf::event_based_actor* self, const caf::actor& to, M message) {
  if (to)
    to->enqueue(caf::mailbox_element_ptr{new recycled_element<M>{self->ctrl(), std::move(message)}}, self->context());
}

/// Without one, from any thread.
template <class M>
requires(!runtime::asked<M>) void pass(const caf::actor& to, M message) {
  if (to) to->enqueue(caf::mailbox_element_ptr{new recycled_element<M>{nullptr, std::move(message)}}, nullptr);
}

}  // namespace greenroom
