#include "coordinator/selection.h"

#include <algorithm>
#include <span>

namespace lorae::coordinator {

std::vector<ClientId> select_cohort(std::vector<ClientId> ready,
                                    std::size_t size,
                                    RoundId round,
                                    Seed seed) {
  std::sort(ready.begin(), ready.end());
  if (size > 0 && size < ready.size()) {
    Random random = seed.derive("cohort", {}, round.value).random();
    random.shuffle(std::span(ready));
    ready.resize(size);
    std::sort(ready.begin(), ready.end());
  }
  return ready;
}

}  // namespace lorae::coordinator
