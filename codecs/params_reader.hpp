#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codecs/call.hpp"
#include "codecs/outcome.hpp"
#include "codecs/value.hpp"

namespace greenroom::codecs {

/// Takes typed members out of an object of parameters. The first one that is missing or not acceptable is remembered as
/// an error with its path (`params.since.seq`), and whatever is asked then is answered with an empty value: a method's
/// reader takes everything and looks at good() once.
///
/// An optional member that is null counts as absent: clients in some languages cannot leave one out. A member that
/// stands twice is refused; one that nobody asks for is ignored.
class params_reader {
 public:
  /// `object` is null where there are no params. `in` is the format of the input, for the documents cut from it.
  params_reader(format in, const value* object, std::optional<error>& why) : in_{in}, object_{object}, why_{why} {}

  bool good() const noexcept { return !why_; }

  /// A name of a room, a user, an event or a method (names.hpp).
  std::string name(std::string_view member, std::size_t bytes_max);
  std::string name_or_empty(std::string_view member, std::size_t bytes_max);
  /// Words for people: not empty, no control characters.
  std::string label(std::string_view member, std::size_t bytes_max);
  std::string label_or_empty(std::string_view member, std::size_t bytes_max);
  /// A list of names, returned in their order and each once.
  std::vector<std::string> names(std::string_view member, std::size_t bytes_max, std::size_t count_max);
  std::string text(std::string_view member, std::size_t bytes_max);
  std::string text_or_empty(std::string_view member, std::size_t bytes_max);
  /// Printable ASCII within limits::message_id_bytes_max, or empty.
  std::string message_id_or_empty(std::string_view member);

  std::uint64_t natural(std::string_view member);
  std::optional<std::uint64_t> natural_if_any(std::string_view member);
  std::uint32_t between(std::string_view member, std::uint32_t least, std::uint32_t most, std::uint32_t absent);
  bool flag(std::string_view member, bool absent);
  ack_level ack(std::string_view member);

  payload_ptr document(std::string_view member);
  payload_ptr document_if_any(std::string_view member, std::size_t bytes_max = static_cast<std::size_t>(-1));

  /// `{epoch, seq}`, or nothing.
  std::optional<position> position_if_any(std::string_view member);
  std::optional<calls::resume> resume_if_any(std::string_view member);
  /// `[name or {name, …}, …]`, not empty.
  std::vector<calls::worker_method> worker_methods(std::string_view member);
  std::vector<std::string> names_if_any(std::string_view member, std::size_t bytes_max, std::size_t count_max);

 private:
  params_reader(const params_reader& outer, std::string_view member, const value& object)
      : in_{outer.in_}, object_{&object}, why_{outer.why_}, outer_{&outer}, name_{member} {}

  const value* optional(std::string_view member);  ///< null also where it is null
  const value* required(std::string_view member);
  std::string take_text(std::string_view member, const value* what, std::size_t bytes_max);
  std::string take_name(std::string_view member, const value* what, std::size_t bytes_max);
  std::string take_label(std::string_view member, const value* what, std::size_t bytes_max);
  position take_position();
  std::vector<calls::room_position> positions_if_any(std::string_view member);
  calls::worker_method take_worker_method(std::string_view place, const value& what);
  payload_ptr schema_if_any(std::string_view member);

  void refuse(std::string_view member, std::string message);
  std::string path() const;

  format in_;
  const value* object_;
  std::optional<error>& why_;
  const params_reader* outer_ = nullptr;
  std::string_view name_ = "params";
};

/// That value as a payload of its own.
payload_ptr cut(format in, const value& what);

}  // namespace greenroom::codecs
