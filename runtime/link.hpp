/// LINK is a place in a circular list: what a timer and a turn hook are to the shard that keeps them. An element is a
/// member of at most one list, unlinks itself in O(1) without knowing which, and allocates nothing.
///
/// Threading: one thread. Lifecycle: an element that dies unlinks itself; a list that dies first unlinks what is left.
#pragma once

namespace greenroom::runtime {

class link {
 public:
  link() = default;
  link(const link&) = delete;
  link& operator=(const link&) = delete;

  bool linked() const noexcept { return next_ != nullptr; }
  void unlink() noexcept {
    if (!linked()) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = nullptr;
  }

 protected:
  ~link() { unlink(); }

 private:
  template <class Element>
  friend class link_list;
  link* prev_ = nullptr;
  link* next_ = nullptr;
};

/// The elements of one list, in the order of append(). Element derives from link, perhaps privately (then it befriends
/// us).
template <class Element>
class link_list {
 public:
  link_list() noexcept { head_.prev_ = head_.next_ = &head_; }
  ~link_list() {
    while (!empty()) pop_front();
  }

  bool empty() const noexcept { return head_.next_ == &head_; }
  void append(Element& element) noexcept {
    link& entry = element;
    entry.prev_ = head_.prev_;
    entry.next_ = &head_;
    head_.prev_ = head_.prev_->next_ = &entry;
  }
  Element& pop_front() noexcept {
    auto* first = head_.next_;
    first->unlink();
    return static_cast<Element&>(*first);
  }
  /// Takes over all elements of `from`; expects to be empty.
  void take_all(link_list& from) noexcept {
    if (from.empty()) return;
    head_.prev_ = from.head_.prev_;
    head_.next_ = from.head_.next_;
    head_.next_->prev_ = head_.prev_->next_ = &head_;
    from.head_.prev_ = from.head_.next_ = &from.head_;
  }

 private:
  struct : link {
  } head_;
};

}  // namespace greenroom::runtime
