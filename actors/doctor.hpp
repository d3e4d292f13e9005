/// DOCTOR looks at what a node needs from its machine, before it starts or while it runs: config, ports, descriptors,
/// disk, database, clock. It changes nothing but a small file in the data directory, which it removes again.
///
/// Threading: the main thread of a process without a node. It blocks for as long as reading the whole database takes.
/// Failure: none: what it cannot find out is a finding.
#pragma once
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "actors/serve.hpp"

namespace greenroom {

enum class verdict : std::uint8_t { ok, warning, problem };

struct finding {
  verdict what = verdict::ok;
  std::string check;     ///< as disk
  std::string sentence;  ///< what is the case
  std::string advice{};  ///< what to do; empty where all is well
};

/// The options are those of the node that is looked at. `findings` in the order of the checks.
std::vector<finding> examine(const serve_options& of);

enum class report_as : std::uint8_t { text, json };  ///< json: one object a line

/// Writes what `examine` finds. The exit code: 1 where there is a problem, else 0.
int doctor(const serve_options& of, report_as how, std::ostream& out);

}  // namespace greenroom
