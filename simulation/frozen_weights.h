#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "models/model.h"

namespace lorae::simulation {

/// Kernels that nobody trains, once in memory for all models of a process that have the same.
/// Threads: any.
class FrozenWeights {
 public:
  /// Puts what is kept in place of the model's own kernels of the same bits, and keeps its others.
  /// Kernels that need a gradient are left alone; nobody may write to the rest.
  void share(models::Model& model);

 private:
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, at::Tensor> kept_;  // by name and device
};

}  // namespace lorae::simulation
