#include "storage/store.hpp"

#include <stdexcept>

namespace greenroom::storage {

std::vector<outcome> store::commit(std::span<const operation> batch) {
  if (batch.size() > limits::batch_operations_max) throw std::invalid_argument{"storage: a batch is over its limit"};
  std::vector<outcome> out(batch.size());
  execute(batch, out);
  return out;
}

outcome store::commit(const operation& one) {
  outcome out;
  execute({&one, 1}, {&out, 1});
  return out;
}

}  // namespace greenroom::storage
