/// How a database is opened: the settings of its connections, today's schema, and what happens to a file that is
/// damaged: it is set aside, and a fresh one takes its place.
///
/// Failure: `open_error`.
#pragma once

#include <memory>

#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_store.hpp"

namespace greenroom::storage {

class row_keys;
class sqlite_damage;
class sqlite_writer;

std::unique_ptr<connection> open_reader(const sqlite_options& options);
/// For a copy that nobody else knows: looks at all of it first, and sets nothing aside. sqlite_error where it is damaged.
std::unique_ptr<connection> open_checked(const sqlite_options& options);
/// The one who writes. The caller holds the file's lock.
std::unique_ptr<sqlite_writer> open_writer(const sqlite_options& options, sqlite_damage& damage, row_keys& keys);

}  // namespace greenroom::storage
