#include "runtime/config_keys.hpp"

namespace greenroom::runtime {
namespace {

const config_key<config> table[]{
    {"schemas",
     "methods",
     value_kind::list,
     {0, 1'000},
     [](auto& c) -> place { return &c.schemas.methods; },
     "`METHOD=FILE`: the JSON Schema (draft 4) of what a service's method is called with. A call that does not match "
     "is "
     "refused with -32602, and the service does not see it."},
};

}  // namespace

std::span<const config_key<config>> schemas_keys() { return table; }

}  // namespace greenroom::runtime
