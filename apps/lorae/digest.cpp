#include <cstdio>

#include "apps/lorae/commands.h"
#include "tensors/safetensors.h"

namespace lorae::apps {

void print_digest(const std::filesystem::path& file) {
  std::printf("%s\n", digest_of(load_safetensors(file).state).hex().c_str());
}

}  // namespace lorae::apps
