#include "tests/storage/crash_vfs.hpp"

#include <sqlite3.h>

#include <fstream>
#include <new>
#include <random>
#include <stdexcept>

namespace greenroom::storage::testing {
namespace {

constexpr std::size_t sector = 512;

/// What SQLite holds for a file: its methods first, then ours, then the system's file, of any size.
struct file {
  sqlite3_file base;
  crash_vfs* owner;
  std::shared_ptr<crash_vfs::file_state>* state;  // null: nothing is recorded for it
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

file& self(sqlite3_file* f) { return *reinterpret_cast<file*>(f); }
sqlite3_file* real(sqlite3_file* f) { return self(f).real(); }
crash_vfs& owner(sqlite3_vfs* v) { return *static_cast<crash_vfs*>(v->pAppData); }
sqlite3_vfs* system_vfs() {
  static sqlite3_vfs* const found = sqlite3_vfs_find("unix");
  return found;
}

int close(sqlite3_file* f) {
  delete std::exchange(self(f).state, nullptr);
  return real(f)->pMethods->xClose(real(f));
}

int read(sqlite3_file* f, void* into, int size, sqlite3_int64 offset) {
  if (const int code = self(f).owner->before(crash_vfs::call::read)) return code;
  return real(f)->pMethods->xRead(real(f), into, size, offset);
}

int write(sqlite3_file* f, const void* from, int size, sqlite3_int64 offset) {
  auto& [base, vfs, state] = self(f);
  const bool was_cut = vfs->is_cut();
  const int code = vfs->before(crash_vfs::call::write);
  if (state && (code == 0 || (vfs->is_cut() && !was_cut)))  // the power may go in the middle of a write
    vfs->note([&, state = state] {
      const auto* bytes = static_cast<const char*>(from);
      (*state)->pending.push_back(
          {.offset = static_cast<std::size_t>(offset), .bytes = {bytes, bytes + static_cast<std::size_t>(size)}});
    });
  return code ? code : real(f)->pMethods->xWrite(real(f), from, size, offset);
}

int truncate(sqlite3_file* f, sqlite3_int64 size) {
  auto& [base, vfs, state] = self(f);
  if (const int code = vfs->before(crash_vfs::call::truncate)) return code;
  if (state)
    vfs->note([&, state = state] {
      (*state)->pending.push_back({.truncates = true, .offset = static_cast<std::size_t>(size), .bytes = {}});
    });
  return real(f)->pMethods->xTruncate(real(f), size);
}

void put_into(const crash_vfs::change& change, std::string& to) {
  if (change.truncates) {
    to.resize(change.offset);
    return;
  }
  if (to.size() < change.offset + change.bytes.size()) to.resize(change.offset + change.bytes.size());
  to.replace(change.offset, change.bytes.size(), change.bytes);
}

int sync(sqlite3_file* f, int) {
  auto& [base, vfs, state] = self(f);
  if (const int code = vfs->before(crash_vfs::call::sync)) return code;
  if (state)
    vfs->note([&, state = state] {
      for (const auto& change : (*state)->pending) put_into(change, (*state)->synced);
      (*state)->pending.clear();
    });
  return SQLITE_OK;  // the real disk need not be waited for
}

int size_of(sqlite3_file* f, sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); }
int lock(sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); }
int unlock(sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); }
int check_reserved(sqlite3_file* f, int* out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); }
int control(sqlite3_file* f, int what, void* with) { return real(f)->pMethods->xFileControl(real(f), what, with); }
int sector_size(sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); }
int characteristics(sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); }
int shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** at) {
  return real(f)->pMethods->xShmMap(real(f), page, size, extend, at);
}
int shm_lock(sqlite3_file* f, int offset, int n, int flags) {
  return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}
void shm_barrier(sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); }
int shm_unmap(sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); }

/// Version 2: shared memory, but no mapped reads, which would go past us.
constexpr sqlite3_io_methods methods{.iVersion = 2,
                                     .xClose = close,
                                     .xRead = read,
                                     .xWrite = write,
                                     .xTruncate = truncate,
                                     .xSync = sync,
                                     .xFileSize = size_of,
                                     .xLock = lock,
                                     .xUnlock = unlock,
                                     .xCheckReservedLock = check_reserved,
                                     .xFileControl = control,
                                     .xSectorSize = sector_size,
                                     .xDeviceCharacteristics = characteristics,
                                     .xShmMap = shm_map,
                                     .xShmLock = shm_lock,
                                     .xShmBarrier = shm_barrier,
                                     .xShmUnmap = shm_unmap,
                                     .xFetch = nullptr,
                                     .xUnfetch = nullptr};

int open(sqlite3_vfs* v, const char* path, sqlite3_file* f, int flags, int* out_flags) {
  auto& made = *new (f) file{{nullptr}, &owner(v), nullptr};
  std::shared_ptr<crash_vfs::file_state> state;
  if (path) state = made.owner->state_of(path);
  const int code = system_vfs()->xOpen(system_vfs(), path, made.real(), flags, out_flags);
  if (code != SQLITE_OK) return code;
  if (state) made.state = new std::shared_ptr{std::move(state)};
  made.base.pMethods = &methods;
  return SQLITE_OK;
}

int remove(sqlite3_vfs* v, const char* path, int sync_directory) {
  if (const int code = owner(v).before(crash_vfs::call::remove)) return code;
  owner(v).forget(path);
  return system_vfs()->xDelete(system_vfs(), path, sync_directory);
}

}  // namespace

crash_vfs::crash_vfs(std::string name) : name_{std::move(name)}, vfs_{std::make_unique<sqlite3_vfs>(*system_vfs())} {
  vfs_->zName = name_.c_str();
  vfs_->pAppData = this;
  vfs_->szOsFile = static_cast<int>(sizeof(file)) + system_vfs()->szOsFile;
  vfs_->pNext = nullptr;
  vfs_->xOpen = open;
  vfs_->xDelete = remove;
  if (sqlite3_vfs_register(vfs_.get(), 0) != SQLITE_OK) throw std::runtime_error{"the file system is not registered"};
}

crash_vfs::~crash_vfs() { sqlite3_vfs_unregister(vfs_.get()); }

void crash_vfs::cut_at(std::uint64_t n) {
  std::lock_guard guard{mutex_};
  cut_at_ = n;
}

bool crash_vfs::is_cut() const {
  std::lock_guard guard{mutex_};
  return cut_;
}

std::uint64_t crash_vfs::writing_calls() const {
  std::lock_guard guard{mutex_};
  return writing_calls_;
}

void crash_vfs::fail(fault with) {
  std::lock_guard guard{mutex_};
  fault_ = std::move(with);
  calls_ = 0;
}

std::uint64_t crash_vfs::calls() const {
  std::lock_guard guard{mutex_};
  return calls_;
}

int crash_vfs::before(call what) {
  std::lock_guard guard{mutex_};
  if (what != call::read && ++writing_calls_ == cut_at_) cut_ = true;
  if (cut_) return SQLITE_IOERR;
  return fault_ ? fault_(what, calls_++) : SQLITE_OK;
}

std::shared_ptr<crash_vfs::file_state> crash_vfs::state_of(const std::string& path) {
  std::lock_guard guard{mutex_};
  auto& found = files_[path];
  if (!found) {
    found = std::make_shared<file_state>();
    std::ifstream in{path, std::ios::binary};
    found->synced.assign(std::istreambuf_iterator<char>{in}, {});
  }
  return found;
}

void crash_vfs::forget(const std::string& path) {
  std::lock_guard guard{mutex_};
  files_.erase(path);
}

void crash_vfs::leave_in(const std::filesystem::path& directory, std::uint64_t seed) const {
  std::lock_guard guard{mutex_};
  std::mt19937_64 random{seed};
  const auto mood = random() % 4;  // 0: nothing of it was written, 1: all of it, else sector by sector
  for (const auto& [path, state] : files_) {
    auto content = state->synced;
    for (const auto& whole : state->pending) {
      if (whole.truncates) {
        if (mood == 1 || (mood > 1 && random() % 2 == 0)) put_into(whole, content);
        continue;
      }
      for (std::size_t at = 0; at < whole.bytes.size();) {
        const auto size = std::min(sector - (whole.offset + at) % sector, whole.bytes.size() - at);
        change part{.offset = whole.offset + at, .bytes = whole.bytes.substr(at, size)};
        at += size;
        const auto fate = mood == 0 ? 0 : mood == 1 ? 1 : random() % 3;
        if (fate == 0) continue;
        if (fate == 2)
          for (auto& byte : part.bytes) byte = static_cast<char>(random());
        put_into(part, content);
      }
    }
    std::ofstream out{directory / std::filesystem::path{path}.filename(), std::ios::binary};
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
  }
}

}  // namespace greenroom::storage::testing
