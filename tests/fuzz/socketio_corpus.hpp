#pragma once
#include <string_view>

namespace greenroom::codecs::fuzz {

using namespace std::string_view_literals;

/// Messages of the text parser to begin with, after the byte that chooses it; a line each.
inline constexpr std::string_view socketio_corpus[] = {
    "0"
    R"(0{"token":"t","pid":"s.r","offset":"e:7:lobby"})",
    "0"
    R"(0/chat,)",
    "0"
    R"(1)",
    "0"
    R"(213["hello",1,"two",{"a":[null,true,-1,2.5]}])",
    "0"
    R"(27["room.publish",{"room":"lobby","event":"say","payload":{"text":"hi","b":{"$bytes":"AP8="}}}])",
    "0"
    R"(2["e",{"$bytes":"AP8="},{"_placeholder":true,"num":0},[{"$ext":[5,"AQ=="]}]])",
    "0"
    "52-5[\"a\",{\"_placeholder\":true,\"num\":1},{\"x\":[{\"_placeholder\":true,\"num\":0}]}]\n\x1f\x01\x02\n\x1f",
    "0"
    "61-2[{\"_placeholder\":true,\"num\":0}]\n\x1fxyz",
    "0"
    R"(32["yes"])",
    "0"
    R"(34[{"error":{"code":-32004,"message":"none"}}])",
    "0"
    R"(39[])",
    "1\x85\xa4type\x02\xa3nsp\xa1/\xa4"
    "data\x93\xa3say\x81\xa4text\xa2hi\xc4\x02\x00\xff\xa2id\x05\xa7options\x81\xa8"
    "compress\xc3"sv,
    "1\x84\xa4type\x02\xa3nsp\xa1/\xa4"
    "data\x93\xa3say\xc7\x02\x00\x01\x02\xd4\x00\x00\xa7options\x81\xa8"
    "compress\xc3"sv,
    "1\x83\xa4type\x00\xa3nsp\xa1/\xa4"
    "data\x81\xa5token\xa1t"sv,
    "1\x84\xa4type\x03\xa3nsp\xa1/\xa2id\x02\xa4"
    "data\x91\xa3yes"sv,
};

/// Bodies of POSTs.
inline constexpr std::string_view engineio_corpus[] = {
    "4hello\x1e"
    "bAQIDBA==\x1e"
    "2\x1e"
    "3probe",
    "0{}",
    "5\x1e"
    "6",
    "1",
    "bAQ==",
    "4\xc3\xa9",
};

}  // namespace greenroom::codecs::fuzz
