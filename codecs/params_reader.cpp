#include "codecs/params_reader.hpp"

#include <algorithm>
#include <limits>

#include "codecs/message_memory.hpp"
#include "codecs/names.hpp"

namespace greenroom::codecs {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }
bool is_printable_ascii(char c) { return c >= ' ' && c <= '~'; }

std::string at_most(std::size_t bytes) { return "must be a string of at most " + std::to_string(bytes) + " bytes."; }

}  // namespace

payload_ptr cut(format in, const value& what) { return make_recycled<payload>(in, std::string{what.raw()}); }

std::string params_reader::path() const {
  return outer_ == nullptr ? std::string{name_} : outer_->path() + '.' + std::string{name_};
}

void params_reader::refuse(std::string_view member, std::string message) {
  if (why_) return;
  why_ = make_error(error_code::invalid_params);
  why_->path = path() + '.' + std::string{member};
  why_->message = why_->path + ' ' + std::move(message);
}

const value* params_reader::optional(std::string_view member) {
  if (object_ == nullptr || why_) return nullptr;
  const value* found = nullptr;
  for (const auto [key, what] : members_of(*object_)) {
    if (key != member) continue;
    if (found != nullptr) return refuse(member, "stands twice."), nullptr;
    found = &what;
  }
  return found == nullptr || found->is(kind::null) ? nullptr : found;
}

const value* params_reader::required(std::string_view member) {
  const auto* found = optional(member);
  if (found == nullptr) refuse(member, "is missing.");
  return found;
}

std::string params_reader::take_text(std::string_view member, const value* what, std::size_t bytes_max) {
  if (what == nullptr) return {};
  if (!what->is(kind::text) || what->count > bytes_max) return refuse(member, at_most(bytes_max)), std::string{};
  return std::string{what->text()};
}

std::string params_reader::take_name(std::string_view member, const value* what, std::size_t bytes_max) {
  auto taken = take_text(member, what, bytes_max);
  if (what == nullptr || !good()) return {};
  if (const auto flaw = flaw_of_name(taken)) refuse(member, std::string{*flaw});
  return taken;
}

std::string params_reader::take_label(std::string_view member, const value* what, std::size_t bytes_max) {
  auto taken = take_text(member, what, bytes_max);
  if (what == nullptr || !good()) return {};
  if (taken.empty()) refuse(member, "must not be empty.");
  if (std::ranges::any_of(taken, is_control)) refuse(member, "must not have control characters.");
  return taken;
}

std::string params_reader::name(std::string_view member, std::size_t bytes_max) {
  return take_name(member, required(member), bytes_max);
}
std::string params_reader::name_or_empty(std::string_view member, std::size_t bytes_max) {
  return take_name(member, optional(member), bytes_max);
}
std::string params_reader::label(std::string_view member, std::size_t bytes_max) {
  return take_label(member, required(member), bytes_max);
}
std::string params_reader::label_or_empty(std::string_view member, std::size_t bytes_max) {
  return take_label(member, optional(member), bytes_max);
}
std::vector<std::string> params_reader::names(std::string_view member, std::size_t bytes_max, std::size_t count_max) {
  std::vector<std::string> taken;
  const auto* list = required(member);
  if (list == nullptr) return taken;
  if (!list->is(kind::array) || list->count > count_max)
    return refuse(member, "must be a list of at most " + std::to_string(count_max) + " names."), taken;
  taken.reserve(list->count);
  for (const value& item : items_of(*list)) {
    taken.push_back(take_name(std::string{member} + '[' + std::to_string(taken.size()) + ']', &item, bytes_max));
    if (!good()) return {};
  }
  std::ranges::sort(taken);
  taken.erase(std::unique(taken.begin(), taken.end()), taken.end());  // clang 14 takes no ranges::unique
  return taken;
}

std::string params_reader::text(std::string_view member, std::size_t bytes_max) {
  return take_text(member, required(member), bytes_max);
}
std::string params_reader::text_or_empty(std::string_view member, std::size_t bytes_max) {
  return take_text(member, optional(member), bytes_max);
}

std::string params_reader::message_id_or_empty(std::string_view member) {
  const auto* what = optional(member);
  auto id = take_text(member, what, limits::message_id_bytes_max);
  if (what == nullptr || !good()) return {};
  if (id.empty() || !std::ranges::all_of(id, is_printable_ascii)) refuse(member, "must be printable ASCII, not empty.");
  return id;
}

std::optional<std::uint64_t> params_reader::natural_if_any(std::string_view member) {
  const auto* what = optional(member);
  if (what == nullptr) return std::nullopt;
  if (!what->is(kind::natural)) return refuse(member, "must be an integer, not negative."), std::nullopt;
  return what->natural;
}

std::uint64_t params_reader::natural(std::string_view member) {
  const auto n = natural_if_any(member);
  if (!n) refuse(member, "is missing.");
  return n.value_or(0);
}

std::uint32_t params_reader::between(std::string_view member, std::uint32_t least, std::uint32_t most,
                                     std::uint32_t absent) {
  const auto n = natural_if_any(member);
  if (!n) return absent;
  if (*n < least || *n > most) {
    refuse(member, "must be from " + std::to_string(least) + " to " + std::to_string(most) + '.');
  }
  return static_cast<std::uint32_t>(*n);
}

bool params_reader::flag(std::string_view member, bool absent) {
  const auto* what = optional(member);
  if (what == nullptr) return absent;
  if (!what->is(kind::boolean)) return refuse(member, "must be true or false."), absent;
  return what->boolean;
}

ack_level params_reader::ack(std::string_view member) {
  const auto* what = optional(member);
  if (what == nullptr) return ack_level::unstated;
  const auto word = what->is(kind::text) ? what->text() : std::string_view{};
  if (word == "accepted") return ack_level::accepted;
  if (word == "durable") return ack_level::durable;
  return refuse(member, "must be \"accepted\" or \"durable\"."), ack_level::unstated;
}

payload_ptr params_reader::document(std::string_view member) {
  // A null is a document too, so it is only absence that counts here.
  const auto* what = optional(member);
  if (what == nullptr && good() && object_ != nullptr) what = find(*object_, member);
  if (what == nullptr) return refuse(member, "is missing."), nullptr;
  return cut(in_, *what);
}

payload_ptr params_reader::document_if_any(std::string_view member, std::size_t bytes_max) {
  const auto* what = optional(member);
  if (what == nullptr) return nullptr;
  if (what->raw_bytes > bytes_max)
    return refuse(member, "must have at most " + std::to_string(bytes_max) + " bytes."), nullptr;
  return cut(in_, *what);
}

position params_reader::take_position() {
  return {.epoch = text("epoch", limits::epoch_bytes_max), .seq = natural("seq")};
}

std::optional<position> params_reader::position_if_any(std::string_view member) {
  const auto* what = optional(member);
  if (what == nullptr) return std::nullopt;
  if (!what->is(kind::object)) return refuse(member, "must be {epoch, seq}."), std::nullopt;
  return params_reader{*this, member, *what}.take_position();
}

std::vector<calls::room_position> params_reader::positions_if_any(std::string_view member) {
  std::vector<calls::room_position> taken;
  const auto* rooms = optional(member);
  if (rooms == nullptr) return taken;
  if (!rooms->is(kind::object)) return refuse(member, "must be an object of positions by room."), taken;
  if (rooms->count > limits::positions_max) {
    return refuse(member, "has more rooms than a session may join."), taken;
  }
  params_reader inside{*this, member, *rooms};
  taken.reserve(rooms->count);
  for (const auto [room, what] : members_of(*rooms)) {
    auto& next = taken.emplace_back();
    if (what.is(kind::object))
      next.at = params_reader{inside, room, what}.take_position();
    else
      next.at.seq = inside.natural(room);
    // The key is checked as the value of `room` in a call would be.
    if (!is_name(room, limits::room_bytes_max)) refuse(member, "has a key that is no name of a room.");
    if (!good()) break;
    next.room = room;
  }
  return taken;
}

std::optional<calls::resume> params_reader::resume_if_any(std::string_view member) {
  const auto* what = optional(member);
  if (what == nullptr) return std::nullopt;
  if (!what->is(kind::object)) return refuse(member, "must be {session, token, positions?}."), std::nullopt;
  params_reader inside{*this, member, *what};
  return calls::resume{.session = inside.text("session", limits::token_bytes_max),
                       .token = inside.text("token", limits::token_bytes_max),
                       .positions = inside.positions_if_any("positions")};
}

std::vector<std::string> params_reader::names_if_any(std::string_view member, std::size_t bytes_max,
                                                     std::size_t count_max) {
  std::vector<std::string> taken;
  const auto* list = optional(member);
  if (list == nullptr) return taken;
  if (!list->is(kind::array) || list->count == 0 || list->count > count_max) {
    return refuse(member, "must be a list of 1 to " + std::to_string(count_max) + " names."), taken;
  }
  for (const value& each : items_of(*list)) {
    taken.push_back(take_name(std::string{member} + '[' + std::to_string(taken.size()) + ']', &each, bytes_max));
    if (!good()) break;
  }
  return taken;
}

std::vector<calls::worker_method> params_reader::worker_methods(std::string_view member) {
  std::vector<calls::worker_method> taken;
  const auto* list = required(member);
  if (list == nullptr) return taken;
  if (!list->is(kind::array) || list->count == 0 || list->count > limits::methods_per_call_max) {
    return refuse(member, "must be a list of 1 to " + std::to_string(limits::methods_per_call_max) + " methods."),
           taken;
  }
  for (const value& each : items_of(*list)) {
    taken.push_back(take_worker_method(std::string{member} + '[' + std::to_string(taken.size()) + ']', each));
    if (!good()) break;
  }
  return taken;
}

calls::worker_method params_reader::take_worker_method(std::string_view place, const value& what) {
  calls::worker_method one;
  if (!what.is(kind::object)) {
    one.name = take_name(place, &what, limits::method_bytes_max);
    return one;
  }
  params_reader inside{*this, place, what};
  one.name = inside.name("name", limits::method_bytes_max);
  one.summary = inside.text_or_empty("summary", limits::summary_bytes_max);
  one.params = inside.schema_if_any("params");
  one.result = inside.schema_if_any("result");
  one.idempotent = inside.flag("idempotent", false);
  return one;
}

payload_ptr params_reader::schema_if_any(std::string_view member) {
  const auto* what = optional(member);
  if (what == nullptr) return nullptr;
  if (!what->is(kind::object) || what->raw_bytes > limits::schema_bytes_max) {
    refuse(member, "must be a JSON Schema of at most " + std::to_string(limits::schema_bytes_max) + " bytes.");
    return nullptr;
  }
  return cut(in_, *what);
}

}  // namespace greenroom::codecs
