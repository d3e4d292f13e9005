// TLS: who is let in and how connections begin; what the certificate's files may be.
#include "runtime/tls.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <random>
#include <string>

#include "tests/support/tls_server.hpp"

namespace greenroom::runtime {

using namespace std::chrono_literals;
using namespace tests;
using Catch::Matchers::Contains;

namespace {

constexpr std::string_view h2{"\2h2", 3}, h2_and_http11{"\2h2\10http/1.1", 12};

using bio_ptr = std::unique_ptr<BIO, decltype(&BIO_free)>;

/// What a client writes goes here, and to its server when the test sends it.
bio_ptr collect_output(const tls_socket& of) {
  bio_ptr made{BIO_new(BIO_s_mem()), BIO_free};
  BIO_up_ref(made.get());
  SSL_set0_wbio(of.ssl(), made.get());
  return made;
}

std::string take_output(BIO* from) {
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(from, &bytes);
  std::string taken{bytes, static_cast<std::size_t>(size)};
  BIO_reset(from);
  return taken;
}

template <class F>
std::string refusal(F what) {
  try {
    what();
  } catch (const tls_error& e) {
    return e.what();
  }
  return {};
}

}  // namespace

// --- the handshake ---

TEST_CASE("tls: a request is answered over TLS 1.2 and 1.3, and knows that it came so", "[tls]") {
  tls_server server{{.hsts_seconds = 600}};
  const auto version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  tls_socket client{server.address(), {.version = version, .protocols = h2_and_http11}};
  REQUIRE(client.established());
  CHECK(SSL_version(client.ssl()) == version);
  CHECK(client.protocol() == "http/1.1");
  CHECK(client.server_name() == "localhost");
  client.send(get("/secret"));
  const auto got = read_answer(client);
  CHECK(got.body == "GET /secret?[]");
  CHECK(got.header("Strict-Transport-Security") == "max-age=600");
  server.on_shard([&] {
    CHECK(server.requests.at(0).secure);
    CHECK(server.requests.at(0).client_name.empty());
    CHECK(server.requests.at(0).is_loopback);
  });
  CHECK(server.stats().handshakes == 1);
  CHECK(server.stats().handshakes_failed == 0);
}

TEST_CASE("tls: ciphers are forward secret and authenticated in both versions", "[tls]") {
  tls_server server;
  const auto version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  tls_socket client{server.address(), {.version = version}};
  const std::string name = SSL_get_cipher_name(client.ssl());
  CHECK(SSL_CIPHER_is_aead(SSL_get_current_cipher(client.ssl())) == 1);
  CHECK(name.starts_with(version == TLS1_3_VERSION ? "TLS_" : "ECDHE-"));
}

TEST_CASE("tls: older versions are refused", "[tls]") {
  tls_server server;
  const auto version = GENERATE(TLS1_VERSION, TLS1_1_VERSION);
  tls_socket client{server.address(), {.version = version}};
  CHECK_FALSE(client.established());
  CHECK_THAT(client.trouble(), Contains("protocol version"));
  CHECK(server.eventually([&] { return server.failures.size() == 1; }));
  CHECK(server.on_shard([&] { return server.failures.at(0); }) == "unsupported protocol");
  CHECK(server.stats().handshakes_failed == 1);
  CHECK(server.stats().handshakes == 0);
}

TEST_CASE("tls: a client that names protocols without http/1.1 is refused, one that names none is served", "[tls]") {
  tls_server server;
  tls_socket other{server.address(), {.protocols = h2}}, none{server.address()};
  CHECK_FALSE(other.established());
  CHECK_THAT(other.trouble(), Contains("no application protocol"));
  CHECK(none.protocol().empty());
  none.send(get("/"));
  CHECK(read_answer(none).status == 200);
}

TEST_CASE("tls: a ticket spares the next handshake its certificate, until the files are read again", "[tls]") {
  tls_server server;
  const auto version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  tls_socket first{server.address(), {.version = version}};
  first.send(get("/"));
  CHECK(read_answer(first).status == 200);  // in 1.3 the ticket comes with it
  const std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> kept{SSL_get1_session(first.ssl()), SSL_SESSION_free};
  tls_socket again{server.address(), {.version = version, .resume = kept.get()}};
  CHECK(SSL_session_reused(again.ssl()) == 1);
  again.send(get("/"));
  CHECK(read_answer(again).status == 200);
  CHECK(server.context->reload() == std::nullopt);
  tls_socket later{server.address(), {.version = version, .resume = kept.get()}};
  CHECK(later.established());
  CHECK(SSL_session_reused(later.ssl()) == 0);
}

TEST_CASE("tls: a slow handshake is cut off, and what drips does not move its deadline", "[tls]") {
  tls_server server{{.limits = {.handshake_ms = 80}}};
  raw_socket silent{server.address()}, drips{server.address()};
  const auto began = std::chrono::steady_clock::now();
  const std::string hello("\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03", 11);
  for (std::size_t i = 0; !drips.ended() && std::chrono::steady_clock::now() - began < 4s; ++i) {
    drips.send(i < hello.size() ? hello.substr(i, 1) : "x");
    drips.read_for(5ms);
  }
  CHECK(drips.ended());
  CHECK(silent.read_to_end().empty());
  CHECK(silent.ended());
  CHECK(server.eventually([&] { return server.failures.size() == 2; }));
  CHECK(server.on_shard([&] { return server.failures; }) == std::vector<std::string>(2, "the handshake took too long"));
  CHECK(server.stats().connections == 0);
}

TEST_CASE("tls: HTTP in the clear hears on a TLS port what it should have spoken", "[tls]") {
  tls_server server;
  for (const auto& request : {get("/"), post("body"), std::string{"OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n"}}) {
    raw_socket client{server.address()};
    client.send(request);
    const auto got = read_answer(client);
    CHECK(got.status == 400);
    CHECK_THAT(got.body, Contains("this port speaks TLS: use https:// or wss://"));
    CHECK(got.header("Strict-Transport-Security").empty());
    CHECK(client.at_end());
    CHECK_FALSE(client.was_reset());
  }
  CHECK(server.on_shard([&] { return server.requests.empty(); }));
}

TEST_CASE("tls: garbage before, within and after the handshake ends its connection and nothing else", "[tls]") {
  tls_server server;
  tls_socket witness{server.address()};
  std::mt19937 random{20'261'129};
  std::string noise(3'000, '\0');
  for (auto& c : noise) c = static_cast<char>(random());
  noise[0] = '\x01';
  raw_socket first{server.address()};
  first.send(noise);
  CHECK(first.at_end());
  raw_socket within{server.address()};
  within.send(std::string("\x16\x03\x01\x02\x00", 5) + noise);
  CHECK(within.at_end());
  raw_socket leaves{server.address()};
  leaves.send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));
  leaves.close();
  tls_socket after{server.address()};
  REQUIRE(after.established());
  after.raw().send(noise);
  CHECK(after.at_end());
  CHECK(server.eventually([&] { return server.server->stats().connections == 1; }));
  CHECK(server.stats().handshakes_failed == 3);
  witness.send(get("/"));
  CHECK(read_answer(witness).status == 200);
}

TEST_CASE("tls: a request that comes in one piece with the end of the handshake is answered", "[tls]") {
  tls_server server;
  tls_socket client{server.address(), {.version = TLS1_3_VERSION, .shake_hands = false}};
  const auto collected = collect_output(client);
  SSL_set0_rbio(client.ssl(), BIO_new(BIO_s_mem()));
  SSL_do_handshake(client.ssl());  // returns as soon as it wants an answer, which is not in there
  SSL_set0_rbio(client.ssl(), BIO_new_socket(client.raw().native_handle(), BIO_NOCLOSE));
  const auto hello = take_output(collected.get());
  client.raw().send(std::string_view{hello}.substr(0, 50));
  CHECK(client.raw().read_for(20ms).empty());  // the server has found its socket empty
  client.raw().send(std::string_view{hello}.substr(50));
  REQUIRE(client.shake_hands());
  client.send(get("/at-once") + get("/next"));
  client.raw().send(take_output(collected.get()));
  CHECK(read_answer(client).body == "GET /at-once?[]");
  CHECK(read_answer(client).body == "GET /next?[]");
}

TEST_CASE("tls: every cut of a real handshake's bytes is survived", "[tls]") {
  tls_server server;
  tls_socket source{server.address(), {.shake_hands = false}};
  const auto hello = collect_output(source);
  SSL_set0_rbio(source.ssl(), BIO_new(BIO_s_mem()));
  SSL_do_handshake(source.ssl());
  const auto whole = take_output(hello.get());
  REQUIRE(whole.size() > 100);
  for (std::size_t cut = 0; cut < whole.size(); cut += 7) {
    raw_socket client{server.address()};
    client.send(std::string_view{whole}.substr(0, cut));
    client.finish();
    CHECK(client.at_end());
  }
  source.close();
  CHECK(server.eventually([&] { return server.server->stats().connections == 0; }));
}

TEST_CASE("tls: over the connection limit a client hears 503 by TLS", "[tls]") {
  tls_server server{{.connections_max = 1, .refusals_max = 1}};
  tls_socket one{server.address()};
  one.send(get("/"));
  CHECK(read_answer(one).status == 200);
  tls_socket two{server.address()};
  REQUIRE(two.established());
  CHECK(read_answer(two).status == 503);
  CHECK(two.at_end());
  CHECK(two.heard_goodbye());
}

// --- client certificates ---

TEST_CASE("tls: client certificates are asked for, checked and named as the config says", "[tls]") {
  const auto version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  struct row {
    client_certificates policy;
    const char* shows;  // "none", "good", "foreign", "expired"
    bool is_let_in;
    const char* name;
    const char* why;
  };
  using enum client_certificates;
  const auto row = GENERATE(values<struct row>({
      {off, "none", true, "", ""},
      {off, "good", true, "", ""},
      {optional, "none", true, "", ""},
      {optional, "good", true, "CN=alice", ""},
      {optional, "foreign", false, "", "certificate verify failed: unable to get local issuer certificate"},
      {required, "none", false, "", "peer did not return a certificate"},
      {required, "good", true, "CN=alice", ""},
      {required, "foreign", false, "", "certificate verify failed: unable to get local issuer certificate"},
      {required, "expired", false, "", "certificate verify failed: certificate has expired"},
  }));
  CAPTURE(static_cast<int>(row.policy), row.shows, version);
  tls_server server{{}, {}, row.policy};
  const std::string shows = row.shows;
  const auto mine = shows == "good"      ? server.client_ca.issue("alice")
                    : shows == "expired" ? server.client_ca.issue("alice", {-2h, -1h})
                                         : server.ca.issue("mallory");
  tls_socket client{server.address(), {.version = version, .mine = shows == "none" ? nullptr : &mine}};
  client.send(get("/"));
  const auto got = read_answer(client);  // in 1.3 a client hears only now that it was refused
  CHECK((got.status == 200) == row.is_let_in);
  if (row.is_let_in) {
    server.on_shard([&] { CHECK(server.requests.at(0).client_name == row.name); });
  } else {
    CHECK(server.eventually([&] { return server.failures.size() == 1; }));
    CHECK(server.on_shard([&] { return server.failures.at(0); }) == row.why);
    CHECK(server.on_shard([&] { return server.requests.empty(); }));
  }
}

TEST_CASE("tls: a resumed session is still the client that its certificate named", "[tls]") {
  tls_server server{{}, {}, client_certificates::required};
  const auto mine = server.client_ca.issue("alice");
  tls_socket first{server.address(), {.mine = &mine}};
  first.send(get("/"));
  CHECK(read_answer(first).status == 200);
  const std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> kept{SSL_get1_session(first.ssl()), SSL_SESSION_free};
  tls_socket again{server.address(), {.mine = &mine, .resume = kept.get()}};
  again.send(get("/"));
  CHECK(read_answer(again).status == 200);
  CHECK(SSL_session_reused(again.ssl()) == 1);
  server.on_shard([&] { CHECK(server.requests.at(1).client_name == "CN=alice"); });
  server.files.write("ca.pem", server.ca.pem());  // alice's authority is trusted no more
  CHECK(server.context->reload() == std::nullopt);
  tls_socket later{server.address(), {.mine = &mine, .resume = kept.get()}};
  later.send(get("/"));
  CHECK(read_answer(later).status == 0);
}

// --- files ---

TEST_CASE("tls files: what is wrong is said with the key, the file and the reason", "[tls]") {
  authority ca{"Test CA"};
  certificate_files files;
  const auto mine = ca.issue("localhost"), other = ca.issue("other");
  const auto good = files.config(mine);
  const auto with = [&](auto change) {
    auto changed = good;
    change(changed);
    return refusal([&] { tls_context{changed}; });
  };
  CHECK(with([](auto&) {}).empty());
  const auto missing = files.path("missing.pem"), noise = files.write("noise.pem", "no PEM\n"),
             foreign = files.write("foreign.pem", other.key);
  CHECK(with([&](auto& c) { c.certificate = missing; }) ==
        "tls.certificate: " + missing + ": No such file or directory");
  CHECK(with([&](auto& c) { c.certificate.clear(); }) == "tls.certificate must name a file");
  CHECK(with([&](auto& c) { c.certificate = "/tmp"; }) == "tls.certificate: /tmp: this is no file");
  CHECK_THAT(with([&](auto& c) { c.certificate = noise; }),
             Contains("tls.certificate: " + noise + ": this is no certificate chain in PEM (no start line)"));
  CHECK(with([&](auto& c) { c.key = missing; }) == "tls.key: " + missing + ": No such file or directory");
  CHECK_THAT(with([&](auto& c) { c.key = noise; }), Contains("tls.key: " + noise + ": this is no private key in PEM"));
  CHECK(with([&](auto& c) { c.key = foreign; }) ==
        "tls.key: " + foreign + ": this is not the key of " + good.certificate);
  CHECK_THAT(with([&](auto& c) {
               c.clients = client_certificates::required;
               c.client_ca = noise;
             }),
             Contains("tls.client_ca: " + noise + ": these are no certificates in PEM"));
}

TEST_CASE("tls files: a key with a passphrase is refused and nobody is asked for one", "[tls]") {
  authority ca{"Test CA"};
  certificate_files files;
  auto mine = ca.issue("localhost");
  const std::unique_ptr<BIO, decltype(&BIO_free)> in{BIO_new_mem_buf(mine.key.data(), -1), BIO_free},
      out{BIO_new(BIO_s_mem()), BIO_free};
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{
      PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr), EVP_PKEY_free};
  PEM_write_bio_PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(), reinterpret_cast<const unsigned char*>("word"), 4,
                           nullptr, nullptr);
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &bytes);
  mine.key = {bytes, static_cast<std::size_t>(size)};
  const auto config = files.config(mine);
  CHECK_THAT(refusal([&] { tls_context{config}; }), Contains("this is no private key in PEM without a passphrase"));
}

TEST_CASE("tls files: the chain that leads to the authority is sent along", "[tls]") {
  tls_server server;
  auto mine = server.ca.issue("chained");
  mine.certificate += server.ca.pem();
  server.files.config(mine);
  CHECK(server.context->reload() == std::nullopt);
  tls_socket client{server.address()};
  CHECK(client.server_name() == "chained");
  CHECK(sk_X509_num(SSL_get_peer_cert_chain(client.ssl())) == 2);
}

TEST_CASE("tls files: changes are noticed, a bad certificate is refused and the old one stays", "[tls]") {
  tls_server server;
  auto& context = *server.context;
  CHECK_FALSE(context.is_stale());
  const auto before = context.certificate();
  CHECK(before.subject == "CN=localhost");
  CHECK(before.fingerprint.size() == 64);
  CHECK(before.not_after > before.not_before);

  const auto file = server.files.write("certificate.pem", server.ca.issue("half").certificate);  // its key comes later
  CHECK(context.is_stale());
  CHECK_THAT(context.reload().value_or(""), Contains("this is not the key of " + file));
  CHECK_FALSE(context.is_stale());  // not again until something changes
  CHECK(context.certificate().fingerprint == before.fingerprint);
  server.files.config(server.ca.issue("old", {-48h, -1h}));
  CHECK_THAT(context.reload().value_or(""), Contains("tls.certificate: " + file + ": it has expired on "));
  server.files.config(server.ca.issue("early", {1h, 24h}));
  CHECK_THAT(context.reload().value_or(""), Contains("it is not valid before "));
  CHECK(tls_socket{server.address()}.server_name() == "localhost");

  server.files.config(server.ca.issue("new"));
  CHECK(context.is_stale());
  CHECK(context.reload() == std::nullopt);
  CHECK_FALSE(context.is_stale());
  CHECK(context.certificate().subject == "CN=new");
  CHECK(tls_socket{server.address()}.server_name() == "new");
}

}  // namespace greenroom::runtime
