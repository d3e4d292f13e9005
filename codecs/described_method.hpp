#pragma once
#include <optional>
#include <string>
#include <vector>

namespace greenroom::codecs {

/// A parameter of a method, by name.
struct described_param {
  std::string name;
  std::string schema;  ///< JSON Schema
  bool required = true;
};

class payload;

/// The parameters that a JSON Schema of an object has, in its order; none where it names no properties.
std::optional<std::vector<described_param>> params_of(const payload& schema);

/// What `rpc.discover` says of a method that the protocol does not have: a service's or a worker's.
struct described_method {
  std::string name, summary;
  std::optional<std::vector<described_param>> params{};  ///< none: whatever it is given
  std::string result_schema{};                           ///< JSON Schema; empty: anything
};

}  // namespace greenroom::codecs
