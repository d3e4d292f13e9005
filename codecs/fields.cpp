#include "codecs/fields.hpp"

#include <cmath>
#include <stdexcept>

#include "codecs/document.hpp"
#include "codecs/json_writer.hpp"
#include "codecs/params_reader.hpp"
#include "codecs/utf8.hpp"

namespace greenroom::codecs {

payload_ptr json_document(std::string_view json) {
  borrowed_document read;
  if (read->read(format::json, json, unbounded) || first_flaw(read->root()))
    throw std::invalid_argument{"this is no JSON document: " + std::string{json.substr(0, 64)}};
  return std::make_shared<const payload>(format::json, std::string{json});
}

namespace detail {

void field_reader::refuse(const std::string& path, std::string sentence) {
  if (why_) return;
  why_ = make_error(error_code::invalid_params, path + ' ' + std::move(sentence));
  why_->path = path;
}

void field_reader::read_text(const std::string& path, const value& from, std::string& into, std::uint64_t max) {
  if (!from.is(kind::text)) return refuse(path, "must be a string.");
  if (max != 0 && from.count > max)
    return refuse(path, "must be a string of at most " + std::to_string(max) + " bytes.");
  into = from.text();
}

bool field_reader::read_number(const std::string& path, const value& from, double& into) {
  if (from.is(kind::real))
    into = from.real;
  else if (from.is(kind::natural))
    into = static_cast<double>(from.natural);
  else if (from.is(kind::negative))
    into = static_cast<double>(from.negative);
  else
    return refuse(path, "must be a number."), false;
  return true;
}

bool field_reader::read_integer(const std::string& path, const value& from, std::int64_t least, std::uint64_t most,
                                std::int64_t& below, std::uint64_t& above) {
  if (from.is(kind::natural) && from.natural <= most) return above = from.natural, true;
  if (from.is(kind::negative) && from.negative >= least) return below = from.negative, true;
  refuse(path, "must be an integer from " + std::to_string(least) + " to " + std::to_string(most) + '.');
  return false;
}

payload_ptr field_reader::cut(const value& from) const { return codecs::cut(in_, from); }

void with_document(const payload* from, void (*with)(void* self, format in, const value* root), void* self) {
  if (!from) return with(self, format::json, nullptr);
  borrowed_document read;
  if (read->read(from->origin(), from->original(), unbounded))
    throw std::logic_error{"A payload is no document of its format."};
  with(self, from->origin(), &read->root());
}

void field_writer::item() {
  if (out_.back() != '[') out_ += ',';
}

void field_writer::name(std::string_view key) {
  if (out_.back() != '{') out_ += ',';
  text(key);
  out_ += ':';
}

void field_writer::text(std::string_view utf8) {
  if (!is_utf8(utf8)) throw std::invalid_argument{"a text of a result or message is not UTF-8"};
  json_writer{out_}.text(utf8);
}

void field_writer::real(double number) {
  if (!std::isfinite(number)) throw std::invalid_argument{"a number of a result or message is not finite"};
  json_writer{out_}.real(number);
}

}  // namespace detail
}  // namespace greenroom::codecs
