#include "codecs/open_rpc.hpp"

#include "codecs/json_writer.hpp"
#include "codecs/methods.hpp"

namespace greenroom::codecs {
namespace {

constexpr std::string_view protocol_version = "1.0.0";  // its first number is that of the subprotocol greenroom.json.1

void member(json_writer& w, std::string_view key, std::string_view text) {
  w.key(key);
  w.text(text);
}

void write_type(json_writer& w, std::string_view type) { member(w, "type", type); }

void write_schema(json_writer& w, const field& f) {
  w.begin_object();
  switch (f.looks) {
    case shape::any: break;
    case shape::flag: write_type(w, "boolean"); break;
    case shape::object: write_type(w, "object"); break;
    case shape::list: write_type(w, "array"); break;
    case shape::names:
      write_type(w, "array");
      w.key("items"), w.raw(R"({"type":"string"})");
      if (f.max != 0) w.key("maxItems"), w.natural(f.max);
      break;
    case shape::position: member(w, "$ref", "#/components/schemas/position"); break;
    case shape::resume: member(w, "$ref", "#/components/schemas/resume"); break;
    case shape::ack: member(w, "$ref", "#/components/schemas/ack"); break;
    case shape::text:
      write_type(w, "string");
      if (f.max != 0) w.key("maxLength"), w.natural(f.max);
      break;
    case shape::natural:
      write_type(w, "integer");
      w.key("minimum"), w.natural(0);
      if (f.max != 0) w.key("maximum"), w.natural(f.max);
      break;
  }
  w.end_object();
}

void write_object_schema(json_writer& w, std::span<const field> members) {
  w.begin_object();
  write_type(w, "object");
  w.key("properties");
  w.begin_object();
  for (const auto& f : members) {
    w.key(f.name);
    write_schema(w, f);
  }
  w.end_object();
  w.key("required");
  w.begin_array(members.size());
  for (const auto& f : members) {
    if (f.is == need::required) w.item(), w.text(f.name);
  }
  w.end_array();
  w.end_object();
}

void write_method(json_writer& w, const method& m) {
  w.begin_object();
  member(w, "name", m.name);
  member(w, "summary", m.summary);
  member(w, "paramStructure", "by-name");
  w.key("params");
  w.begin_array(m.params.size());
  for (const auto& f : m.params) {
    w.item();
    w.begin_object();
    member(w, "name", f.name);
    w.key("required"), w.boolean(f.is == need::required);
    w.key("schema");
    write_schema(w, f);
    w.end_object();
  }
  w.end_array();
  w.key("result");
  w.begin_object();
  member(w, "name", "result");
  w.key("schema");
  write_object_schema(w, m.result);
  w.end_object();
  w.end_object();
}

void write_method(json_writer& w, const described_method& m) {
  static const std::vector<described_param> none;
  const auto& params = m.params ? *m.params : none;
  w.begin_object();
  member(w, "name", m.name);
  if (!m.summary.empty()) member(w, "summary", m.summary);
  member(w, "paramStructure", "either");
  w.key("params");
  w.begin_array(params.size());
  for (const auto& each : params) {
    w.item();
    w.begin_object();
    member(w, "name", each.name);
    w.key("required"), w.boolean(each.required);
    w.key("schema"), w.raw(each.schema);
    w.end_object();
  }
  w.end_array();
  w.key("result");
  w.begin_object();
  member(w, "name", "result");
  w.key("schema"), w.raw(m.result_schema.empty() ? "{}" : m.result_schema);
  w.end_object();
  w.end_object();
}

void write_components(json_writer& w) {
  static constexpr field position[] = {{"epoch", shape::text, need::required, limits::epoch_bytes_max},
                                       {"seq", shape::natural}};
  static constexpr field resume[] = {{"session", shape::text, need::required, limits::token_bytes_max},
                                     {"token", shape::text, need::required, limits::token_bytes_max},
                                     {"positions", shape::object, need::optional}};
  w.begin_object();
  w.key("schemas");
  w.begin_object();
  w.key("position");
  write_object_schema(w, position);
  w.key("resume");
  write_object_schema(w, resume);
  w.key("ack");
  w.raw(R"({"type":"string","enum":["accepted","durable"]})");
  w.end_object();
  w.end_object();
}

}  // namespace

std::string open_rpc_document(std::span<const described_method> of_services) {
  std::string out;
  json_writer w{out};
  w.begin_object();
  member(w, "openrpc", "1.2.6");
  w.key("info");
  w.begin_object();
  member(w, "title", "Greenroom");
  member(w, "version", protocol_version);
  w.end_object();
  w.key("methods");
  w.begin_array(methods().size() + of_services.size());
  for (const auto& m : methods()) w.item(), write_method(w, m);
  for (const auto& m : of_services) w.item(), write_method(w, m);
  w.end_array();
  w.key("components");
  write_components(w);
  w.end_object();
  return out;
}

}  // namespace greenroom::codecs
