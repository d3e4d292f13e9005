// JSON Schemas: the published test suite of draft 4 in both formats, what is refused when one is read, and where a flaw is.
#include "codecs/schema.hpp"

#include <boost/json.hpp>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "codecs/document.hpp"
#include "codecs/schema_reader_impl.hpp"
#include "codecs/transcode.hpp"

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace greenroom::codecs;

const fs::path suite{"/usr/share/json-schema-test-suite/tests/draft4"};  // Debian's json-schema-test-suite

schema must_read(std::string_view text) {
  std::string why;
  auto one = schema::read(text, why);
  INFO(text << ": " << why);
  REQUIRE(one);
  return std::move(*one);
}
std::string refusal(std::string_view text) {
  std::string why;
  return schema::read(text, why) ? "taken" : why;
}

/// "" or `path keyword`, the same for both formats.
std::string flaw(const schema& of, const std::string& text) {
  const auto told = [](const std::optional<schema_flaw>& what) {
    return what ? what->path + ' ' + what->keyword : std::string{};
  };
  const auto as_json = told(of.check(payload{format::json, text}));
  const auto packed = transcode(format::json, text);
  REQUIRE(packed);
  CHECK(told(of.check(payload{format::msgpack, *packed})) == as_json);
  return as_json;
}
std::string flaw(std::string_view of, const std::string& text) { return flaw(must_read(of), text); }

}  // namespace

TEST_CASE("schema: what draft 4's test suite finds valid is, and what it finds invalid is not", "[codecs][schema]") {
  // RapidJSON would not apply these schemas, or not as they are written: they are refused, with a word of the reason.
  std::map<std::string, std::string> refused{
      {"definitions.json: invalid definition", "$ref"},
      {"definitions.json: valid definition", "$ref"},
      {"enum.json: heterogeneous enum validation", "enum"},
      {"properties.json: properties, patternProperties, additionalProperties interaction", "patternProperties"},
      {"ref.json: Recursive references between schemas", "id"},
      {"ref.json: escaped pointer ref", "is not known here"},
      {"ref.json: ref overrides any sibling keywords", "$ref"},
      {"ref.json: remote ref, containing refs itself", "$ref"},
      {"refRemote.json: base URI change", "id"},
      {"refRemote.json: base URI change - change folder", "id"},
      {"refRemote.json: base URI change - change folder in subschema", "id"},
      {"refRemote.json: fragment within remote ref", "$ref"},
      {"refRemote.json: ref within remote ref", "$ref"},
      {"refRemote.json: remote ref", "$ref"},
      {"refRemote.json: root ref in remote ref", "id"},
  };
  int groups = 0, checked = 0;
  for (const auto& file : fs::directory_iterator{suite}) {
    if (file.path().extension() != ".json") continue;
    std::ifstream in{file.path()};
    std::stringstream text;
    text << in.rdbuf();
    const auto read = json::parse(text.str());
    for (const auto& group : read.as_array()) {
      ++groups;
      const auto name = file.path().filename().string() + ": " + std::string{group.at("description").as_string()};
      std::string why;
      const auto one = schema::read(json::serialize(group.at("schema")), why);
      if (!one) {
        INFO(name << ": " << why);
        CHECK((refused.contains(name) && why.find(refused[name]) != std::string::npos));
        refused.erase(name);
        continue;
      }
      for (const auto& test : group.at("tests").as_array()) {
        INFO(name << ": " << test.at("description").as_string());
        CHECK(flaw(*one, json::serialize(test.at("data"))).empty() == test.at("valid").as_bool());
        ++checked;
      }
    }
  }
  for (const auto& [name, why] : refused) FAIL_CHECK(name << " is not refused any more");
  CHECK(groups > 60);
  CHECK(checked > 200);
}

TEST_CASE("schema: one that would not be applied as it is written is refused", "[codecs][schema]") {
  struct row {
    const char *text, *why;
  };
  for (const auto& [text, why] : {
           row{"", "it is no JSON document"},
           row{"{", "it is no JSON document"},
           row{"true", "a schema must be an object"},
           row{"[]", "a schema must be an object"},
           row{R"({"const":1})", R"(at its top: "const" is not known here)"},
           row{R"({"format":"email"})", R"("format" is not known here)"},
           row{R"({"id":"http://x.test/"})", R"("id" is not known here)"},
           row{R"({"requierd":["a"]})", R"("requierd" is not known here)"},
           row{R"({"if":{}})", R"("if" is not known here)"},
           row{R"({"$schema":"http://json-schema.org/draft-07/schema#"})", "other drafts mean other things"},
           row{R"({"properties":{"a":{"propertyNames":{}}}})", R"(at /properties/a: "propertyNames")"},
           row{R"({"properties":{"a/b~c":{"x":1}}})", "at /properties/a~1b~0c:"},
           row{R"({"items":[{},{"contains":{}}]})", "at /items/1:"},
           row{R"({"allOf":[{"anyOf":[{"oneOf":[{"not":{"bad":1}}]}]}]})", "at /allOf/0/anyOf/0/oneOf/0/not:"},
           row{R"({"additionalProperties":{"bad":1}})", "at /additionalProperties:"},
           row{R"({"additionalItems":{"bad":1}})", "at /additionalItems:"},
           row{R"({"dependencies":{"a":{"bad":1}}})", "at /dependencies/a:"},
           row{R"({"dependencies":{"a":"b"}})", "a schema must be an object"},
           row{R"({"patternProperties":{"a":{"bad":1}}})", "at /patternProperties/a:"},
           row{R"({"definitions":{"a":{"bad":1}}})", "at /definitions/a:"},
           row{R"({"properties":{"a":true}})", "a schema must be an object"},
           row{R"({"properties":[]})", "must be an object"},
           row{R"({"type":"text"})", "must be a type of draft 4"},
           row{R"({"type":[]})", "must be a type of draft 4"},
           row{R"({"type":1})", "must be a type of draft 4"},
           row{R"({"required":true})", "must be a list of names"},
           row{R"({"required":[]})", "must be a list of names"},
           row{R"({"minLength":-1})", "must be a count"},
           row{R"({"maxItems":"3"})", "must be a count"},
           row{R"({"minimum":"3"})", "must be a number"},
           row{R"({"exclusiveMinimum":3})", "the number of later drafts is not known"},
           row{R"({"exclusiveMaximum":true})", "needs a maximum"},
           row{R"({"multipleOf":0})", "must be a number over 0"},
           row{R"({"uniqueItems":1})", "must be true or false"},
           row{R"({"allOf":[]})", "must be a list of schemas"},
           row{R"({"anyOf":{}})", "must be a list of schemas"},
           row{R"({"enum":[]})", "must be a list of texts, numbers"},
           row{R"({"enum":[[1]]})", "must be a list of texts, numbers"},
           row{R"({"enum":[{}]})", "must be a list of texts, numbers"},
           row{R"({"minimum":1,"minimum":2})", "stands there twice"},
           row{R"({"properties":{"a":{},"a":{}}})", "stands there twice"},
           row{R"({"$ref":"other.json"})", "must lead into this document"},
           row{R"({"$ref":"http://x.test/#"})", "must lead into this document"},
           row{R"({"$ref":"#/definitions/a"})", "leads nowhere"},
           row{R"({"$ref":3})", "must lead into this document"},
           row{R"({"properties":{"a":{"$ref":"#/properties"}}})", "leads to no schema"},
           row{R"({"properties":{"a":{"$ref":"#","minimum":1}}})", "would be ignored beside $ref"},
           row{R"({"$ref":"#"})", "leads back to itself"},
           row{R"({"allOf":[{"$ref":"#"}]})", "leads back to itself"},
           row{R"({"definitions":{"a":{"$ref":"#/definitions/b"},"b":{"not":{"$ref":"#/definitions/a"}}}})",
               "leads back to itself"},
           row{R"({"dependencies":{"a":{"$ref":"#"}}})", "leads back to itself"},
           row{R"({"pattern":"\\d"})", "has a regular expression that cannot be used"},
           row{R"x({"pattern":"("})x", "has a regular expression that cannot be used"},
           row{R"x({"pattern":"(?=a)"})x", "groups that begin with (?"},
           row{R"({"pattern":"^a|b$"})", "write ^(a|b)$"},
           row{R"x({"pattern":"(^a)"})x", "^ may only stand at its beginning"},
           row{R"({"pattern":"a$b"})", "$ at its end"},
           row{R"({"pattern":"a\u0000b"})", "zero byte"},
           row{R"({"additionalProperties":false,"required":["a"]})", R"("required" names a, which must stand in)"},
           row{R"({"additionalProperties":{"minimum":1},"required":["a"],"properties":{"b":{}}})", "must stand in"},
           row{R"({"additionalProperties":false,"dependencies":{"a":["b"]},"properties":{"b":{}}})", "names a,"},
           row{R"({"additionalProperties":false,"dependencies":{"b":["a"]},"properties":{"b":{}}})", "names a,"},
           row{R"({"pattern":""})", "empty"},
           row{R"x({"pattern":"a|"})x", "empty"},
           row{R"x({"pattern":"(|a)"})x", "empty"},
           row{R"x({"pattern":"()"})x", "empty"},
           row{R"({"pattern":"*a"})", "nothing to repeat"},
           row{R"({"pattern":"a{3,2}"})", "a count must be"},
           row{R"({"pattern":"a{100000}"})", "a count must be"},
           row{R"({"pattern":"[]"})", "has a regular expression that cannot be used"},
           row{R"({"patternProperties":{"a":{}},"additionalProperties":{}})", "may only be true or false"},
           row{R"({"patternProperties":{"\\w":{}}})", "has a regular expression that cannot be used"},
       }) {
    INFO(text);
    CHECK(refusal(text).find(why) != std::string::npos);
    CHECK(refusal(text) != "taken");
  }
  CHECK(refusal(std::string(limits::schema_file_bytes_max + 1, ' ')) == "it is too long to be a schema");
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"not":)";
  CHECK(refusal(deep + "{}" + std::string(100'000, '}')) == "it is too long to be a schema");
  deep.resize(8 * 200);
  CHECK(refusal(deep) != "taken");
  deep.clear();
  for (int i = 0; i < 200; ++i) deep += R"({"not":)";
  CHECK(refusal(deep + "{}" + std::string(200, '}')) == "it is nested too deeply");
  CHECK(
      refusal(R"({"title":"t","description":"d","default":{"a":1},"$comment":"c","examples":[1],"x-ours":{"if":1}})") ==
      "taken");
}

TEST_CASE("schema: a flaw has its place and its keyword", "[codecs][schema]") {
  const auto order = R"({"type":"object","required":["item","count"],"additionalProperties":false,
      "properties":{"item":{"type":"string","pattern":"^[a-z]+$","maxLength":8},"count":{"type":"integer","minimum":1},
                    "tags":{"type":"array","items":{"enum":["new","old",null,7]},"maxItems":3},
                    "to":{"$ref":"#/definitions/place"},"a/b":{"type":"null"}},
      "definitions":{"place":{"type":"object","properties":{"next":{"$ref":"#/definitions/place"},"x":{"type":"number"}}}}})";
  struct row {
    const char *text, *flaw;
  };
  for (const auto& [text, expected] :
       {row{R"({"item":"tea","count":2})", ""}, row{"null", " type"}, row{"[]", " type"},
        row{R"({"item":"tea"})", " required"}, row{R"({"item":"tea","count":0})", "/count minimum"},
        row{R"({"item":"tea","count":1.5})", "/count type"}, row{R"({"item":"Tea","count":1})", "/item pattern"},
        row{R"({"item":"teapotteapot","count":1})", "/item maxLength"},
        row{R"({"item":"tea","count":1,"more":1})", "/more additionalProperties"},
        row{R"({"item":"tea","count":1,"tags":["new",null,7]})", ""},
        row{R"({"item":"tea","count":1,"tags":["new","bad"]})", "/tags/1 enum"},
        row{R"({"item":"tea","count":1,"tags":["new",8]})", "/tags/1 enum"},
        row{R"({"item":"tea","count":1,"tags":["n","n","n","n"]})", "/tags/0 enum"},
        row{R"({"item":"tea","count":1,"tags":["new","new","new","new"]})", "/tags maxItems"},
        row{R"({"item":"tea","count":1,"to":{"next":{"next":{"x":1.5}}}})", ""},
        row{R"({"item":"tea","count":1,"to":{"next":{"next":{"x":"1"}}}})", "/to/next/next/x type"},
        row{R"({"item":"tea","count":1,"a/b":1})", "/a~1b type"},
        row{R"({"item":"tea","count":"1","count":2})", "/count type"},  // whichever a reader takes
        row{R"({"item":"te\u0000","count":1})", "/item pattern"}}) {
    INFO(text);
    CHECK(flaw(order, text) == expected);
  }
  CHECK(must_read(R"({"type":"object"})").check_nothing()->keyword == "type");
  CHECK_FALSE(must_read(R"({"type":["object","null"]})").check_nothing());
}

TEST_CASE("schema: what a pattern of names matches needs no other place", "[codecs][schema]") {
  const auto one = must_read(R"({"patternProperties":{"^a":{"type":"integer"}},"additionalProperties":false,
                                 "properties":{"other":{}}})");
  CHECK(flaw(one, R"({"ab":1,"other":null})").empty());
  CHECK(flaw(one, R"({"ab":"x"})") == "/ab patternProperties");
  CHECK(flaw(one, R"({"b":1})") == "/b additionalProperties");
}

TEST_CASE("schema: an enum holds for its values alone", "[codecs][schema]") {
  const auto one = must_read(R"x({"enum":["a.b","(","","é","{}",1,-2,0.5,18446744073709551615,true,null]})x");
  for (const char* good : {R"("a.b")", R"x("(")x", R"("")", R"("é")", R"("{}")", "1", "1.0", "-2", "0.5",
                           "18446744073709551615", "true", "null"}) {
    INFO(good);
    CHECK(flaw(one, good).empty());
  }
  for (const char* bad : {R"("axb")", R"("a.bc")", R"(" a.b")", R"("A.B")", R"("true")", "2", "-1", "0.25", "false",
                          "[]", "{}", R"(["a.b"])", "18446744073709551614"}) {
    INFO(bad);
    CHECK(flaw(one, bad) == " enum");
  }
}

TEST_CASE("schema: MessagePack's own kinds are what they are in JSON", "[codecs][schema]") {
  const auto bytes =
      must_read(R"({"type":"object","properties":{"$bytes":{"type":"string","maxLength":4}},"required":["$bytes"]})");
  CHECK_FALSE(bytes.check(payload{format::msgpack, std::string{"\xc4\x02\x01\x02", 4}}));
  CHECK(bytes.check(payload{format::msgpack, std::string{"\xc4\x04\x01\x02\x03\x04", 6}})->path == "/$bytes");
  const auto extension = must_read(R"({"properties":{"$ext":{"items":[{"enum":[5]},{"type":"string"}]}}})");
  CHECK_FALSE(extension.check(payload{format::msgpack, std::string{"\xd4\x05\x01", 3}}));
  CHECK(extension.check(payload{format::msgpack, std::string{"\xd4\x06\x01", 3}})->path == "/$ext/0");
}

TEST_CASE("schema: no payload makes checking it slow or deep", "[codecs][schema]") {
  const auto evil = must_read(R"({"type":"string","pattern":"^(a+)+$"})");
  const auto began = std::chrono::steady_clock::now();
  CHECK(flaw(evil, '"' + std::string(100'000, 'a') + "b\"") == " pattern");
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds{2});

  const auto unique = must_read(R"({"items":{"type":"array","uniqueItems":true}})");
  CHECK(flaw(unique, "[[1,2,3],[1,2,1]]") == "/1/2 uniqueItems");
  std::string many = "[[0";
  for (int i = 1; i < 5'000; ++i) many += ',' + std::to_string(i);
  CHECK(flaw(unique, many + "]]") == "/0 uniqueItems");

  CHECK(flaw(R"({"multipleOf":2})", "-9223372036854775808") == " multipleOf");
  CHECK(flaw(R"({"multipleOf":2})", "-9223372036854775806").empty());

  const auto tree = must_read(R"({"items":{"$ref":"#"},"type":"array"})");
  const auto deep = std::string(limits::depth_max - 1, '[') + std::string(limits::depth_max - 1, ']');
  CHECK(flaw(tree, deep).empty());

  std::string name(5'000, 'n');
  const auto strict = must_read(R"({"additionalProperties":false})");
  const auto long_path = strict.check(payload{format::json, "{\"" + name + "\":1}"});
  REQUIRE(long_path);
  CHECK(long_path->path.size() == limits::schema_path_bytes_max);
  std::string accents = "x";
  for (int i = 0; i < 500; ++i) accents += "é";
  const auto cut = strict.check(payload{format::json, "{\"" + accents + "\":1}"})->path;
  CHECK(cut.size() <= limits::schema_path_bytes_max);
  CHECK(cut.ends_with("é…"));
}
