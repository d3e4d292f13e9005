/// STORES opens what a node keeps its messages in, as the config says.
///
/// Failure: bad_config where the database is not ours, or newer than this build; std::runtime_error where it cannot be
/// opened.
#pragma once
#include <filesystem>
#include <memory>

namespace greenroom::runtime {
struct config;
}
namespace greenroom::storage {
struct sqlite_options;
class sqlite_store;
class store;
class vault;
}  // namespace greenroom::storage

namespace greenroom {

/// The logs of ephemeral rooms.
std::unique_ptr<storage::store> make_memory(const runtime::config& from);

/// How the config wants the database to be opened; its reports go to the log. `keys` open what lies encrypted; null: none do.
storage::sqlite_options store_options(const runtime::config& from, const std::filesystem::path& file,
                                      std::shared_ptr<const storage::vault> keys);

/// The database.
std::unique_ptr<storage::sqlite_store> open_disk(const runtime::config& from, const std::filesystem::path& file,
                                                 std::shared_ptr<const storage::vault> keys);

}  // namespace greenroom
