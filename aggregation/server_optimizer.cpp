#include "aggregation/server_optimizer.h"

#include <algorithm>
#include <array>

#include "aggregation/optimizers/adaptive.h"
#include "aggregation/optimizers/sgd.h"
#include "base/error.h"

namespace lorae::aggregation {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<ServerOptimizer> (*make)(const ServerOptions& options);
};

template <typename Optimizer>
std::unique_ptr<ServerOptimizer> make(const ServerOptions& options) {
  return std::make_unique<Optimizer>(options);
}

constexpr std::array kOptimizers = {
    Entry{"sgd", &make<Sgd>},
    Entry{"adam", &make<Adam>},
    Entry{"yogi", &make<Yogi>},
    Entry{"adagrad", &make<Adagrad>},
};

}  // namespace

std::vector<std::string_view> server_optimizer_names() {
  std::vector<std::string_view> names;
  for (const Entry& entry : kOptimizers) {
    names.push_back(entry.name);
  }
  return names;
}

std::unique_ptr<ServerOptimizer> make_server_optimizer(const ServerOptions& options) {
  const auto found = std::ranges::find(kOptimizers, options.name, &Entry::name);
  check(found != kOptimizers.end(), ErrorCode::kInvalidConfig, "[server] no optimiser '",
        options.name, "'");
  return found->make(options);
}

}  // namespace lorae::aggregation
