#include "actors/stores.hpp"

#include <string>
#include <utility>

#include "actors/engine.hpp"
#include "runtime/config.hpp"
#include "runtime/log.hpp"
#include "storage/memory_store.hpp"
#include "storage/planted.hpp"
#include "storage/sqlite_store.hpp"

namespace greenroom {

std::unique_ptr<storage::store> make_memory(const runtime::config& from) {
  storage::memory_options to;
  to.history_bytes_max = from.memory.history_bytes_max;
  to.logs_max = from.memory.logs_max;
  to.ids_bytes_max = from.idempotency.bytes_max;
  to.ids_per_sender_max = from.idempotency.per_sender_max;
  to.id_age_ms = from.idempotency.age_ms;
  return storage::make_memory_store(to);
}

storage::sqlite_options store_options(const runtime::config& from, const std::filesystem::path& file,
                                      std::shared_ptr<const storage::vault> keys) {
  storage::sqlite_options to;
  to.path = file.string();
  to.readers = from.store.readers;
  to.cache_bytes = from.store.cache_bytes;
  to.wal_bytes_max = from.store.wal_bytes_max;
  to.logs_max = from.store.logs_max;
  to.sessions_max = from.store.sessions_max;
  to.dead_bytes_max = from.inbox.dead_bytes_max;
  to.dead_age_ms = from.inbox.dead_age_ms;
  to.ids_per_sender_max = from.idempotency.per_sender_max;
  to.id_age_ms = from.idempotency.age_ms;
  to.keys = std::move(keys);
  to.report = [](const std::string& what) { runtime::log::error("the store reports", {{"what", what}}); };
  if (storage::planted("synchronous_off")) to.sync = storage::synchronous::off;
  return to;
}

std::unique_ptr<storage::sqlite_store> open_disk(const runtime::config& from, const std::filesystem::path& file,
                                                 std::shared_ptr<const storage::vault> keys) {
  try {
    return storage::open_sqlite_store(store_options(from, file, std::move(keys)));
  } catch (const storage::open_error& e) {
    throw bad_config{e.what()};
  }
}

}  // namespace greenroom
