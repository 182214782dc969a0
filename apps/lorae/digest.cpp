#include "apps/common/output.h"
#include "apps/lorae/commands.h"
#include "tensors/safetensors.h"

namespace lorae::apps {

void print_digest(const std::filesystem::path& file) {
  say("{}\n", digest_of(load_safetensors(file).state).hex());
}

}  // namespace lorae::apps
