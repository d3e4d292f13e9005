#include "codecs/fields.hpp"

#include <catch2/catch.hpp>

#include "codecs/transcode.hpp"

using namespace greenroom::codecs;

namespace {

struct square {
  std::uint8_t file = 0, rank = 0;
  static constexpr auto fields() {
    return std::tuple{field_of("file", &square::file, 7), field_of("rank", &square::rank, 7)};
  }
};

struct move {
  std::string game;
  square from, to;
  std::optional<std::string> note;
  std::vector<std::int32_t> clocks;
  std::map<std::string, double> odds;
  bool check = false;
  payload_ptr extra;
  static constexpr auto fields() {
    return std::tuple{
        field_of("game", &move::game, 8),  field_of("from", &move::from),        field_of("to", &move::to),
        field_of("note", &move::note, 16), field_of("clocks", &move::clocks, 2), field_of("odds", &move::odds),
        field_of("check", &move::check),   field_of("extra", &move::extra)};
  }
};

constexpr std::string_view whole =
    R"({"game":"g1","from":{"file":4,"rank":1},"to":{"file":4,"rank":3},"note":"e4","clocks":[-300,298],)"
    R"("odds":{"white":0.5,"black":2},"check":true,"extra":[1,null]})";

error why(std::string json) {
  auto read = read_fields<move>(json_document(json).get());
  REQUIRE(std::holds_alternative<error>(read));
  return std::get<error>(read);
}
/// `whole` with one member in another way.
std::string with(std::string_view from, std::string_view to) {
  std::string text{whole};
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("fields: a document becomes a struct, and the struct the same document", "[codecs]") {
  auto read = read_fields<move>(json_document(whole).get());
  REQUIRE(std::holds_alternative<move>(read));
  const auto& it = std::get<move>(read);
  CHECK(it.game == "g1");
  CHECK(it.to.rank == 3);
  CHECK(it.note == "e4");
  CHECK(it.clocks == std::vector<std::int32_t>{-300, 298});
  CHECK(it.odds == std::map<std::string, double>{{"white", 0.5}, {"black", 2.0}});
  CHECK(it.check);
  CHECK(it.extra->as(format::json) == "[1,null]");
  CHECK(write_fields(it)->as(format::json) ==
        R"({"game":"g1","from":{"file":4,"rank":1},"to":{"file":4,"rank":3},"note":"e4","clocks":[-300,298],)"
        R"("odds":{"black":2.0,"white":0.5},"check":true,"extra":[1,null]})");
}

TEST_CASE("fields: MessagePack is read as JSON is", "[codecs]") {
  const payload packed{format::msgpack, *transcode(format::json, whole)};
  auto read = read_fields<move>(&packed);
  REQUIRE(std::holds_alternative<move>(read));
  CHECK(std::get<move>(read).clocks.front() == -300);
}

TEST_CASE("fields: the first member that does not fit is named by its path", "[codecs]") {
  CHECK(why("[]").path == "params.game");
  CHECK(why("7").message == "params must be an object.");
  CHECK(why("{}").message == "params.game is missing.");
  CHECK(why(with(R"("g1")", "7")).path == "params.game");
  CHECK(why(with(R"("g1")", R"("much too long")")).message == "params.game must be a string of at most 8 bytes.");
  CHECK(why(with(R"("g1")", "null")).message == "params.game is missing.");
  CHECK(why(with(R"("rank":1)", R"("rank":8)")).message == "params.from.rank must be an integer from 0 to 7.");
  CHECK(why(with(R"("rank":1)", R"("rank":-1)")).path == "params.from.rank");
  CHECK(why(with(R"("rank":1)", R"("rank":1.5)")).path == "params.from.rank");
  CHECK(why(with("-300", "2147483648")).path == "params.clocks[0]");
  CHECK(why(with("-300,298", "1,2,3")).message == "params.clocks must have at most 2 items.");
  CHECK(why(with("0.5", R"("half")")).path == "params.odds.white");
  CHECK(why(with(R"("check":true)", R"("check":1)")).message == "params.check must be true or false.");
  CHECK(why(with(R"("check":true)", R"("check":true,"check":true)")).message == "params.check stands twice.");
  CHECK(why("{}").code == error_code::invalid_params);
}

TEST_CASE("fields: an optional member may be absent or null, unknown ones are ignored", "[codecs]") {
  for (const auto& text : {with(R"("note":"e4",)", ""), with(R"("e4")", "null"), with(R"("note")", R"("x":1,"note")")})
    CHECK(std::holds_alternative<move>(read_fields<move>(json_document(text).get())));
  auto read = read_fields<move>(nullptr);
  CHECK(std::get<error>(read).message == "params.game is missing.");
}

TEST_CASE("fields: a list gives them in their order", "[codecs]") {
  const auto read = [](const char* text) { return read_fields<square>(json_document(text).get()); };
  const auto both = read("[3,4]");
  CHECK(std::get<square>(both).file == 3);
  CHECK(std::get<square>(both).rank == 4);
  CHECK(std::get<error>(read("[3]")).message == "params.rank is missing.");
  CHECK(std::get<error>(read("[3,9]")).path == "params[1]");
  CHECK(std::get<error>(read("[3,4,5]")).message == "params must have at most 2 items.");
}

TEST_CASE("fields: a schema describes what is read", "[codecs]") {
  CHECK(schema_of<square>() == R"({"type":"object","properties":{"file":{"type":"integer","minimum":0,"maximum":7},)"
                               R"("rank":{"type":"integer","minimum":0,"maximum":7}},"required":["file","rank"]})");
  CHECK(schema_of<move>().find(R"("note":{"type":"string","maxLength":16})") != std::string::npos);
  CHECK(schema_of<move>().find(R"("required":["game","from","to","clocks","odds","check","extra"])") !=
        std::string::npos);
}

TEST_CASE("fields: the parameters of a method are described one by one", "[codecs]") {
  const auto all = params_of<move>();
  REQUIRE(all.size() == 8);
  CHECK(all[0].name == "game");
  CHECK(all[0].schema == R"({"type":"string","maxLength":8})");
  CHECK(all[0].required);
  CHECK(all[3].name == "note");
  CHECK_FALSE(all[3].required);
}

TEST_CASE("fields: what is no document is not written", "[codecs]") {
  move bad_text, bad_number;
  bad_text.game = "\xff";
  bad_number.odds["x"] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(write_fields(bad_text), std::invalid_argument);
  CHECK_THROWS_AS(write_fields(bad_number), std::invalid_argument);
  CHECK_THROWS_AS(json_document("{"), std::invalid_argument);
}
