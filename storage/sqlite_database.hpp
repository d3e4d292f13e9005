/// How a database is opened: the settings of its connections, today's schema, and what happens to a file that is
/// damaged: it is set aside, and a fresh one takes its place.
///
/// Failure: `open_error`.
#pragma once

#include <memory>

#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_store.hpp"

namespace greenroom::storage {

class sqlite_damage;

std::unique_ptr<connection> open_reader(const sqlite_options& options);
/// The one who writes. The caller holds the file's lock.
std::unique_ptr<connection> open_writer(const sqlite_options& options, sqlite_damage& damage);

}  // namespace greenroom::storage
