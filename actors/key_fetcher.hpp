/// KEY_FETCHER keeps the keys of tokens new: it reads their files again when they change, and fetches the sets that have a
/// URL: when they are due (tokens.fetch_interval_ms, or sooner where the other side's Cache-Control says so), after failures
/// with pauses of a second to a minute, and when a token names a key that nobody knows, which it does at most once a minute,
/// whoever sends what: a look that comes sooner is made up for at the end of that minute.
///
/// Parent: operations supervisor, permanent, detached: it reads files and blocks in a fetch, one at a time, at most
/// tokens.fetch_timeout_ms each; a stopping node ends it. Messages wait meanwhile.
/// Crash: what was fetched stays (key_sets is the engine's); it looks what is due.
/// Bounds: codecs::limits::jwk_set_bytes_max a fetch; files in DATA/jwks: one a URL.
#pragma once
#include <caf/actor.hpp>
#include <filesystem>
#include <functional>
#include <string>

#include "codecs/jwt.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"
#include "runtime/http_fetch.hpp"

namespace greenroom {
struct context;
class key_sets;
class tokens;
}  // namespace greenroom

namespace greenroom::key_fetcher {

using fetch_function = std::function<runtime::fetched(const std::string& url, const runtime::fetch_options& how)>;

struct options {
  context& ctx;
  tokens& checks;
  key_sets& sets;
  std::filesystem::path directory{};  ///< where fetched sets are kept for the next start; empty: nowhere
  fetch_function fetch = &runtime::fetch;
};

struct reload {};  ///< Read every file, fetch every set.
/// A token names a key that nobody knew under that trust; nothing where the trust is another by now.
struct wanted {
  codecs::jwt_trust_ptr under;
};
/// The same, from somebody who waits: answered when the key is there, or when it cannot be sooner than in a minute.
struct look {
  std::string kid;  ///< empty: any key at all
  using reply = void;
};

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::key_fetcher

GREENROOM_MESSAGE(greenroom::key_fetcher::reload)
GREENROOM_MESSAGE(greenroom::key_fetcher::wanted)
GREENROOM_MESSAGE(greenroom::key_fetcher::look)
