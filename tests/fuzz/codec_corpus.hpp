#pragma once
#include <span>
#include <string_view>

namespace greenroom::codecs::fuzz {

/// JSON documents to begin with; in MessagePack they are what transcoding makes of them.
inline constexpr std::string_view codec_corpus[] = {
    R"({"jsonrpc":"2.0","id":1,"method":"room.publish",)"
    R"("params":{"room":"lobby","event":"say","payload":{"text":"hi"},"id":"m-1","ack":"durable","echo":false}})",
    R"({"jsonrpc":"2.0","id":"a","method":"session.open",)"
    R"("params":{"token":"t","client":"c","user":"ann","resume":{"session":"s","token":"r","positions":{"lobby":{"epoch":"e","seq":7},"hall":8}}}})",
    R"({"jsonrpc":"2.0","id":null,"method":"room.join","params":{"room":"lobby","since":{"epoch":"e","seq":3},"presence":{"status":"here"}}})",
    R"({"jsonrpc":"2.0","id":2.5,"method":"room.history","params":{"room":"lobby","before":9,"after":2,"limit":10}})",
    R"({"jsonrpc":"2.0","id":-3,"method":"room.members","params":{"room":"lobby","after":"ann","limit":1}})",
    R"({"jsonrpc":"2.0","id":7,"method":"presence.set","params":{"status":"busy","location":"lobby","meta":{"mood":[1]}}})",
    R"({"jsonrpc":"2.0","id":8,"method":"presence.watch","params":{"users":["bob","ann","bob",""]}})",
    R"({"jsonrpc":"2.0","id":9,"method":"presence.online","params":{"after":"ann","limit":2}})",
    R"({"jsonrpc":"2.0","id":4,"method":"user.send","params":{"to":"bob","event":"dm","payload":[1,-2,3.5,"x",true,null],"ttl_s":60}})",
    R"([{"jsonrpc":"2.0","method":"inbox.ack","params":{"upto":18446744073709551615}},{"jsonrpc":"2.0","id":5,"method":"rpc.discover"},[],7])",
    R"({"jsonrpc":"2.0","id":"s1","result":{"a":[{"$bytes":"AP8="},{"$ext":[-1,"AAAAAA=="]}]}})",
    R"({"jsonrpc":"2.0","id":"s2","error":{"code":-32004,"message":"no","data":{"reason":"gone","retry_after_ms":5}}})",
    R"({"jsonrpc":"2.0","id":6,"method":"market.buy","params":{"\u0073ymbol":"\ud83d\ude00\n","n":-9223372036854775808,"x":1.7976931348623157e308}})",
    R"([[[[[[[[[[{"a":[[[[[[[[[[[[[]]]]]]]]]]]]]}]]]]]]]]]])",
    R"({"$bytes":"not base64","$ext":[300,"AA=="],"a":{"$bytes":""},"b":{"$ext":[5,"AQIDBA=="]},"":0,"":-0.0})",
    R"([1e400,18446744073709551616,0.1000000000000000055511151231257827021181583404541015625,5e-324,595886356093768320.0])",
};

/// What a socket of Phoenix says, a frame a line; binary ones begin with a zero.
inline constexpr std::string_view phoenix_corpus[] = {
    R"([null,"1","phoenix","heartbeat",{}])",
    "[\"1\",\"1\",\"a\",\"phx_join\",{\"since\":{\"epoch\":\"e\",\"seq\":1},\"presence\":{\"n\":1},\"positions\":true}]"
    "\n"
    "[\"1\",\"2\",\"a\",\"say\",{\"text\":\"hi\"}]\n[\"1\",\"3\",\"a\",\"phx_leave\",{}]",
    "[\"1\",\"1\",\"a\",\"phx_join\",{}]\n[\"2\",\"2\",\"a\",\"phx_join\",{\"presence\":5}]\n[\"1\",\"3\",\"a\",\"phx_"
    "close\",[]]",
    "[1,1,\"greenroom\",\"phx_join\",{}]\n[1,2,\"greenroom\",\"user.send\",{\"to\":\"bob\",\"event\":\"dm\","
    "\"payload\":1}]",
    "[\"1\",\"1\",\"service:x\",\"phx_join\",{}]\n[\"1\",null,\"service:x\",\"y\",[1e400,{\"$bytes\":\"AP8=\"}]]",
    "[\"1\",\"1\",\"inbox:ann\",\"phx_join\",{}]\n[\"1\",\"2\",\"inbox:ann\",\"ack\",{\"upto\":3}]",
    "[null,\"7\",\"greenroom\",\"greenroom_answer\",{\"ref\":\"s1\",\"status\":\"error\",\"response\":{\"code\":-1}}]",
    std::string_view{"[\"1\",\"1\",\"a\",\"phx_join\",{}]\n\0\1\1\1\3"
                     "12asay\0\xff",
                     41},
    std::string_view{"[null,null,\"a\",\"phx_join\",{\"$bytes\":\"\"}]\n\0\0\1\1\1"
                     "2ab",
                     49},
};

/// Pieces that are worth inserting.
inline constexpr std::string_view codec_tokens[] = {"\"",
                                                    "\\",
                                                    "\\u0000",
                                                    "\\ud800",
                                                    "{",
                                                    "}",
                                                    "[",
                                                    "]",
                                                    ",",
                                                    ":",
                                                    "null",
                                                    "-",
                                                    "e",
                                                    ".",
                                                    "\"id\":",
                                                    "\"method\":",
                                                    "\"params\":",
                                                    "\"$bytes\":",
                                                    "\"$ext\":",
                                                    "1e999",
                                                    "\xff",
                                                    "\xc1",
                                                    "\xdd\x7f\xff\xff\xff",
                                                    "\xdf\x10",
                                                    "\xdb\xff",
                                                    "\xc9\xff\xff\xff\xff",
                                                    "\x91",
                                                    "\x81",
                                                    "\xa1k",
                                                    "\xcb\x7f\xf8",
                                                    "\xd8",
                                                    "\xc7\x03",
                                                    "\n",
                                                    "\"phx_join\"",
                                                    "\"phx_leave\"",
                                                    "\"greenroom_answer\""};

}  // namespace greenroom::codecs::fuzz
