// Keys, AES-256-GCM and envelopes: published vectors, and that nothing opens which was touched, moved or renamed.
#include "storage/vault.hpp"

#include <cctype>
#include <stdexcept>

#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

std::string from_hex(std::string_view text) {
  const auto digit = [](char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; };
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out += static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1]));
  return out;
}

std::string to_hex(std::string_view bytes) {
  std::string out;
  for (const auto c : bytes)
    for (const auto half : {static_cast<unsigned char>(c) >> 4, static_cast<unsigned char>(c) & 15})
      out += "0123456789abcdef"[half];
  return out;
}

secret_key key_of(char fill) { return *secret_key::of(std::string(key_bytes, fill)); }

vault vault_of(std::initializer_list<std::pair<const char*, char>> keys) {
  std::vector<vault::kek> all;
  for (const auto& [id, fill] : keys) all.push_back({id, key_of(fill)});
  return vault{std::move(all)};
}

std::string opened(const vault& by, const stored_secret& what) {
  auto why = unsealed::well;
  const auto value = by.open(what, why);
  CHECK((why == unsealed::well) == value.has_value());
  return value ? std::string{value->view()} : why == unsealed::unknown_kek ? "(unknown key)" : "(refused)";
}

struct gcm_vector {
  const char *key, *nonce, *aad, *plain, *sealed;
};

}  // namespace

TEST_CASE("cipher: AES-256-GCM gives what the GCM specification's test cases say", "[vault]") {
  const std::string zeros(64, '0');
  constexpr auto key16 = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
  for (const auto& [key, nonce, aad, plain, sealed] :
       {gcm_vector{zeros.c_str(), "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
        gcm_vector{zeros.c_str(), "000000000000000000000000", "", "00000000000000000000000000000000",
                   "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
        gcm_vector{
            key16, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aed"
            "f5aa0de657ba637b39",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e"
            "6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"}}) {
    const auto by = secret_key::of(from_hex(key));
    REQUIRE(by);
    const auto made = gcm_seal(*by, from_hex(nonce), from_hex(aad), from_hex(plain));
    CHECK(to_hex(made) == sealed);
    CHECK(gcm_open(*by, from_hex(nonce), from_hex(aad), made) == from_hex(plain));
    CHECK_FALSE(gcm_open(*by, from_hex(nonce), from_hex(aad) + "x", made));
  }
}

TEST_CASE("cipher: XAES-256-GCM gives what C2SP's vectors say", "[vault]") {
  constexpr auto nonce = "ABCDEFGHIJKLMNOPQRSTUVWX";
  CHECK(to_hex(xaes_seal(key_of('\x01'), nonce, "", "XAES-256-GCM")) ==
        "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271");
  const auto made = xaes_seal(key_of('\x03'), nonce, "c2sp.org/XAES-256-GCM", "XAES-256-GCM");
  CHECK(to_hex(made) == "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");
  CHECK(open(key_of('\x03'), "c2sp.org/XAES-256-GCM", nonce + made) == "XAES-256-GCM");
}

TEST_CASE("cipher: what is sealed twice is never the same, and what is touched does not open", "[vault]") {
  const auto key = secret_key::random();
  const auto sealed = seal(key, "here", "a text");
  CHECK(sealed.size() == 6 + sealed_overhead_bytes);
  CHECK(sealed != seal(key, "here", "a text"));
  CHECK(sealed.find("a text") == std::string::npos);
  CHECK(open(key, "here", sealed) == "a text");
  CHECK_FALSE(open(key, "there", sealed));
  CHECK_FALSE(open(secret_key::random(), "here", sealed));
  for (std::size_t i = 0; i < sealed.size(); ++i)
    for (const auto bit : {1, 0x80}) {
      auto touched = sealed;
      touched[i] = static_cast<char>(touched[i] ^ bit);
      CAPTURE(i, bit);
      CHECK_FALSE(open(key, "here", touched));
    }
  for (std::size_t length = 0; length < sealed.size(); ++length)
    CHECK_FALSE(open(key, "here", sealed.substr(0, length)));
  CHECK(open(key, "", seal(key, "", "")) == "");
}

TEST_CASE("cipher: a key that went leaves its place wiped", "[vault]") {
  const unsigned char* place = nullptr;
  {
    const auto key = key_of('k');
    place = key.data();
    CHECK(key.bytes() == std::string(key_bytes, 'k'));
  }
  CHECK(std::string_view{reinterpret_cast<const char*>(place), key_bytes} == std::string(key_bytes, '\0'));
  CHECK_FALSE(secret_key::of("short"));
}

TEST_CASE("vault: a secret opens under its own name, with the key that wrapped its data key", "[vault]") {
  const auto keys = vault_of({{"a", 'a'}});
  const auto kept = keys.seal("db", "swordfish", start_ms);
  CHECK(kept.kek == "a");
  CHECK(kept.changed_ms == start_ms);
  CHECK((kept.sealed + kept.wrapped).find("swordfish") == std::string::npos);
  CHECK(opened(keys, kept) == "swordfish");
  CHECK(opened(vault_of({{"b", 'b'}, {"a", 'a'}}), kept) == "swordfish");
  CHECK(opened(vault_of({{"b", 'b'}}), kept) == "(unknown key)");
  CHECK(opened(vault_of({{"a", 'b'}}), kept) == "(refused)");  // another key of that id
}

TEST_CASE("vault: a secret that was touched or moved is refused, byte by byte", "[vault]") {
  const auto keys = vault_of({{"a", 'a'}, {"b", 'b'}});
  const auto kept = keys.seal("one", "first", start_ms);
  const auto other = keys.seal("two", "other", start_ms);
  for (const auto part : {&stored_secret::wrapped, &stored_secret::sealed}) {
    for (std::size_t i = 0; i < (kept.*part).size(); ++i) {
      auto touched = kept;
      (touched.*part)[i] = static_cast<char>((touched.*part)[i] ^ 1);
      CAPTURE(i);
      CHECK(opened(keys, touched) == "(refused)");
    }
    for (std::size_t length = 0; length < (kept.*part).size(); ++length) {
      auto cut = kept;
      (cut.*part).resize(length);
      CHECK(opened(keys, cut) == "(refused)");
    }
    auto mixed = kept;
    mixed.*part = other.*part;
    CHECK(opened(keys, mixed) == "(refused)");
  }
  auto renamed = other;
  renamed.name = "one";
  CHECK(opened(keys, renamed) == "(refused)");
  auto relabelled = kept;
  relabelled.kek = "b";
  CHECK(opened(keys, relabelled) == "(refused)");
}

TEST_CASE("vault: hostile bytes are refused", "[vault]") {
  const auto keys = vault_of({{"a", 'a'}});
  std::mt19937_64 random{test_seed()};
  for (int i = 0; i < 2'000; ++i) {
    stored_secret what{.name = "x", .kek = "a"};
    for (auto* part : {&what.wrapped, &what.sealed}) {
      part->resize(random() % 120);
      for (auto& c : *part) c = static_cast<char>(random());
      if (!part->empty() && random() % 2 == 0) part->front() = '\x01';
    }
    CHECK(opened(keys, what) == "(refused)");
  }
}

TEST_CASE("vault: a rewrapped secret is the same under the newest key, and its value is not touched", "[vault]") {
  const auto old = vault_of({{"a", 'a'}}).seal("db", "swordfish", start_ms);
  const auto both = vault_of({{"b", 'b'}, {"a", 'a'}});
  auto why = unsealed::well;
  const auto again = both.rewrap(old, why);
  REQUIRE(again);
  CHECK(again->kek == "b");
  CHECK(again->sealed == old.sealed);
  CHECK(again->changed_ms == old.changed_ms);
  CHECK(opened(vault_of({{"b", 'b'}}), *again) == "swordfish");
  CHECK(opened(vault_of({{"a", 'a'}}), *again) == "(unknown key)");
  CHECK_FALSE(vault_of({{"b", 'b'}}).rewrap(old, why));
  CHECK(why == unsealed::unknown_kek);
}

TEST_CASE("vault: without keys, or with two of one id, there is none", "[vault]") {
  CHECK_THROWS_AS(vault{std::vector<vault::kek>{}}, std::invalid_argument);
  CHECK_THROWS_AS(vault_of({{"a", 'a'}, {"a", 'b'}}), std::invalid_argument);
}

}  // namespace greenroom::storage::testing
