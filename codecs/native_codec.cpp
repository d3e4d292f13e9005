#include "codecs/codec.hpp"
#include "codecs/codec_table.hpp"
#include "codecs/rpc_reader.hpp"
#include "codecs/rpc_writer.hpp"

namespace greenroom::codecs {
namespace {

class native_codec final : public codec {
 public:
  constexpr native_codec(codec_id id, format as) : id_{id}, as_{as} {}

  codec_id id() const noexcept override { return id_; }
  void encode_broadcast(const envelope& message, std::string& out) const override {
    write_broadcast(as_, message, out);
  }
  std::string encode_push(const push& what) const override { return write_push(as_, what); }

 private:
  codec_id id_;
  format as_;
};

class native_dialogue final : public dialogue {
 public:
  explicit native_dialogue(codec_id pushes) : pushes_{pushes} {}

  codec_id broadcasts() const noexcept override { return pushes_; }
  verdict decode(frame_kind kind, std::string_view input, sink& to) override {
    return read_rpc(kind == frame_kind::text ? format::json : format::msgpack, input, to);
  }
  std::string encode_reply(const reply_ref& ref, const outcome& what, framing as) override {
    return write_reply(ref, what, as);
  }
  std::string encode_request(std::string_view id, std::string_view method, const payload_ptr& params,
                             const on_behalf* of) const override {
    const auto as = pushes_ == codec_id::native_json ? format::json : format::msgpack;
    return write_server_request(as, id, method, params, of);
  }
  std::string encode_batch(format in, std::span<const std::string> bodies, framing as) const override {
    return write_batch(in, bodies, as);
  }

 private:
  codec_id pushes_;
};

}  // namespace

std::unique_ptr<const codec> make_native_codec(codec_id id) {
  return std::make_unique<native_codec>(id, id == codec_id::native_json ? format::json : format::msgpack);
}

std::unique_ptr<dialogue> make_native_dialogue(codec_id pushes) { return std::make_unique<native_dialogue>(pushes); }

}  // namespace greenroom::codecs
