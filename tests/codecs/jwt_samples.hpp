#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "codecs/base64.hpp"
#include "codecs/jwt.hpp"
#include "codecs/jwt_mint.hpp"

/// Keys for tests of tokens: those of RFC 7515 appendix A (HS256, RSA, P-256) and RFC 8037 appendix A (Ed25519), whose
/// private halves stand in the RFCs. No node may trust them.
namespace greenroom::codecs::samples {

inline constexpr std::string_view secret_base64url =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

inline constexpr std::string_view rsa_public = R"(-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj
NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz
P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo
9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB
EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX
FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp
oQIDAQAB
-----END PUBLIC KEY-----
)";

inline constexpr std::string_view rsa_private = R"(-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh+BYK4uPJtGXO
jS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxL
aYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNn
juygxmj3AbONv/s4yDQs4v5tJ/reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5
ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkf
toaHLFcW9Qr4NY2ai50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHg
VFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyW
PEAeP88vLNO97IjlA7/GQ5sLKMgvfTeXZx9SE+7YwVol2NXOoAJe46sui395IW/G
O+pWJ1O0BkTGoVEn2bKVRUCgu+GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj
kn439X0M/V51gfpRLI9JYanrC4D4qAdGcopV/0ZHHzQlBjudU2QvXt4ehNYTCBr6
XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl/x/jTj3ccPDVZFD9pIuhLhBOneufuBiB
4cS98l2SR/RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0K
pLttoLhyt3SmqdEf/kgHePDdtzEafpAu+cS191R2JiuoF2yzWXnwFDcqGigp5BNr
0AHQfD8/Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqE
lMGAg+C2V0L4oNXnP7LZcPAZRwKBgQC5A8R+CZW2MvRTLLHzwZkUXV866cff7tx6
kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAP
rq3rbAOal78eUH5OcED6eNuCV8ixEu1eWcPNCS/l1OW1EnXUEoEHKl54Xrrz2uNw
kgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7/Ls5bkUp
5u9SN0Ai3Ya6hNnvWJMb7sXQX6U/zyO2M/hTip7tUeh7CXgwo59dkpN75gJLVds2
9+DAncu3KXU4f2Fa+7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf/
evpitUf+4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcG
yoAe9fa65iNqCq+jdw6PVNGo2hxfjSiZ8IIzHdsPXI89//pMjZcQK9r+CCoRjaZj
OYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2
tOgrjbcrfvtQJipd+DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd/QJQ3
ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp/gh6A56
03k2+ZQwVK0JKSHuLFkuQ3U=
-----END PRIVATE KEY-----
)";

inline constexpr std::string_view p256_public = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7
6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==
-----END PUBLIC KEY-----
)";

inline constexpr std::string_view p256_private = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff
H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp
7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt
-----END PRIVATE KEY-----
)";

inline constexpr std::string_view p256_certificate = R"(-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUB5F7ttc8ssz9r6MXaGkfPfSvkr4wCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjkyMjMxMzhaGA8yMTI2MTEwNTIyMzEz
OFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABH/N
zidw9sRdQYPL7m/bS3tYBzM1e+nvE7rPbjx70VRFx/FEzRu9m36HLN/tue659LNp
XW6pCyStikYjKIWI5a2jUzBRMB0GA1UdDgQWBBTOjRaxyTOOt/45eZmuRb7uP7WG
hjAfBgNVHSMEGDAWgBTOjRaxyTOOt/45eZmuRb7uP7WGhjAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCICOwvCNl2xvLDXUWj53e23qRl6SHD77tdfAo
6j4NTMMKAiEApvAJaBCAc2YQaEmhVgIX9zx5ievU/TdeTJDCU4rlzro=
-----END CERTIFICATE-----
)";

inline constexpr std::string_view ed25519_public = R"(-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
)";

inline constexpr std::string_view ed25519_private = R"(-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
)";

inline constexpr std::uint64_t now_s = 1'900'000'000, later_s = now_s + 3'600;

inline const jwt_key& whole(const std::optional<jwt_key>& key, const std::string& why) {
  if (!key) throw std::runtime_error{why};
  return *key;
}

inline jwt_key public_key(jwt_algorithm alg, std::string kid) {
  std::string why;
  if (is_hmac(alg))
    return whole(jwt_key::from_secret(alg, secret_base64url, jwt_secret_form::base64, std::move(kid), why), why);
  const auto pem = alg == jwt_algorithm::es256   ? p256_public
                   : alg == jwt_algorithm::eddsa ? ed25519_public
                                                 : rsa_public;
  return whole(jwt_key::from_pem(alg, pem, std::move(kid), why), why);
}

inline jwt_signer signer(jwt_algorithm alg, std::string kid) {
  std::string why;
  const auto pem = alg == jwt_algorithm::es256   ? p256_private
                   : alg == jwt_algorithm::eddsa ? ed25519_private
                                                 : rsa_private;
  auto made = is_hmac(alg)
                  ? jwt_signer::from_secret(alg, secret_base64url, jwt_secret_form::base64, std::move(kid), why)
                  : jwt_signer::from_pem(alg, pem, std::move(kid), why);
  if (!made) throw std::runtime_error{why};
  return std::move(*made);
}

inline key_set_ptr set_of(std::vector<jwt_key> keys) {
  std::string why;
  auto made = make_key_set(std::move(keys), why);
  if (!made) throw std::runtime_error{why};
  return made;
}

inline constexpr jwt_algorithm algorithms[]{jwt_algorithm::hs256, jwt_algorithm::hs384, jwt_algorithm::hs512,
                                            jwt_algorithm::rs256, jwt_algorithm::ps256, jwt_algorithm::es256,
                                            jwt_algorithm::eddsa};

/// One key of each algorithm, its `kid` the algorithm's name in small letters.
inline key_set_ptr all_keys() {
  std::vector<jwt_key> keys;
  const char* kids[]{"hs256", "hs384", "hs512", "rs256", "ps256", "es256", "eddsa"};
  for (const auto alg : algorithms) keys.push_back(public_key(alg, kids[static_cast<std::size_t>(alg)]));
  return set_of(std::move(keys));
}

/// Issuer "greenroom.test", audience "node".
inline jwt_trust_ptr trust_in(key_set_ptr keys) {
  return std::make_shared<const jwt_trust>(
      jwt_trust{.keys = std::move(keys), .issuers = {"greenroom.test"}, .audiences = {"node"}});
}

/// What such a node accepts.
inline jwt_order order() {
  jwt_order o;
  o.subject = "ann";
  o.issuer = "greenroom.test";
  o.audiences = {"node"};
  o.issued_at_s = now_s;
  o.expires_at_s = later_s;
  return o;
}

/// The subject of a token that was accepted, or why it was not.
inline std::string said(const jwt_verdict& verdict) {
  if (const auto* why = std::get_if<jwt_refusal>(&verdict)) return std::string{sentence_of(*why)};
  return std::get<jwt_claims_ptr>(verdict)->subject;
}

inline std::string base64url(std::string_view bytes) {
  std::string out;
  append_base64url(out, bytes);
  return out;
}

}  // namespace greenroom::codecs::samples
