/// DOCTOR_AUDIT looks at the audit log for the doctor: whether the chain is whole, and whether the key that signs it is its
/// owner's alone.
///
/// Threading: the doctor's. It reads the whole log. Failure: a finding.
#pragma once
#include <filesystem>
#include <vector>

#include "actors/doctor.hpp"
#include "runtime/config.hpp"

namespace greenroom {

std::vector<finding> examine_audit(const runtime::config& config, const std::filesystem::path& data);

}  // namespace greenroom
