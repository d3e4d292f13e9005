/// KEY_SETS is what the entries of `tokens.keys` hold now: the keys of files, read again when they change, and those of
/// sets that have a URL, which somebody fetches and hands over. Both together are the trust that tokens are checked with.
///
///            fetched                        not fetched for tokens.keep_ms
///   empty ───────────▶ counts (old or new) ────────────────────────────────▶ empty
///
/// What the operator's files say comes first: a key of a URL whose id a file or an earlier set has is left out, and said
/// so. A file that has become bad keeps what it held; so does a set of which something arrives that is none. A set that is
/// well-formed counts as it is, empty ones too: whoever removes a key wants it to count no more.
///
/// Lifecycle: made at start, which reads the files; then one actor's. Threading: one thread at a time; the figures any.
/// Bounds: codecs::limits::jwk_set_bytes_max an entry, jwt_keys_max keys in all; over it those of URLs are left out.
/// Failure: the constructor throws bad_config with the entry and what is wrong with it; later the log says it, once until
/// the file changes. Nothing ever says any of a key.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/key_entry.hpp"
#include "codecs/jwt.hpp"
#include "runtime/config.hpp"
#include "runtime/http_fetch.hpp"

namespace greenroom {

/// What scrapes read of one set with a URL.
struct key_set_figures {
  std::string set;                             ///< the URL without its query
  std::atomic<std::int64_t> fetched_at_ms{0};  ///< 0: never
  std::atomic<std::size_t> keys{0};
  std::atomic<std::uint64_t> good{0}, unusable{0};  ///< of those that were fetched
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(runtime::fetch_outcome::cancelled)> failed{};
};
using key_set_figures_ptr = std::shared_ptr<key_set_figures>;

class key_sets {
 public:
  explicit key_sets(const runtime::tokens_config& from, secret_reader secrets = {});

  /// Another object whenever a key was added or removed; never null.
  const codecs::jwt_trust_ptr& trust() const noexcept { return trust_; }
  /// Whether some key has that id.
  bool knows(std::string_view kid) const noexcept;

  enum class which : std::uint8_t { changed, all };
  /// Reads files anew. True: the trust is another.
  bool read_files(which ones);

  // --- sets with a URL, by their number
  std::size_t remotes() const noexcept { return remotes_.size(); }
  const std::string& url(std::size_t set) const { return remotes_[set].url; }
  const std::vector<key_set_figures_ptr>& figures() const noexcept { return figures_; }

  /// What came of a fetch. True: the trust is another.
  bool take(std::size_t set, const runtime::fetched& what, std::int64_t now_ms);
  /// Forgets the keys of sets that have not been fetched for too long. True: the trust is another.
  bool expire(std::int64_t now_ms);
  /// When each set is to be fetched next: in time, or with growing pauses after failures.
  bool is_due(std::size_t set, std::int64_t now_ms) const { return now_ms >= remotes_[set].due_ms; }
  std::int64_t next_due_ms() const noexcept;  ///< of the first; the largest number without sets
  /// Whether a token with an unknown key may cause a fetch now, and that it does: at most once a minute.
  bool look(std::int64_t now_ms);
  std::int64_t next_look_ms() const noexcept;

  /// Sets fetched by earlier processes are kept in files, one each, so that a node starts while the other side is down.
  void load(const std::filesystem::path& directory, std::int64_t now_ms);
  void save(std::size_t set, const std::filesystem::path& directory) const;

 private:
  struct stamp {
    std::int64_t changed_ns = 0;
    std::uint64_t bytes = 0, inode = 0;
    bool operator==(const stamp&) const = default;
  };
  struct local {
    key_entry from;
    stamp read{};
    std::vector<codecs::jwt_key> keys{};
  };
  struct remote {
    std::string url;
    std::string body{};  ///< as it was fetched
    std::vector<codecs::jwt_key> keys{};
    std::int64_t fetched_at_ms = 0, due_ms = 0;
    unsigned failures = 0;  ///< since
  };

  static stamp stamp_of(const std::string& file);
  bool adopt(std::size_t set, const std::string& body, std::int64_t fetched_at_ms, std::string& why);
  void combine();

  const runtime::tokens_config config_;
  const secret_reader secrets_;
  std::vector<local> locals_;
  std::vector<remote> remotes_;
  std::vector<key_set_figures_ptr> figures_;  ///< as remotes_
  codecs::jwt_trust_ptr trust_;
  std::optional<std::int64_t> looked_at_ms_;
};

}  // namespace greenroom
