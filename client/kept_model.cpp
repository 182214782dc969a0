#include "client/kept_model.h"

#include "base/atomic_file.h"
#include "base/error.h"

namespace lorae::client {

namespace fs = std::filesystem;

void keep_model(const fs::path& folder,
                const adapters::Adapter& adapter,
                const fs::path& backbone) {
  ensure_directory(folder);
  const fs::path link = folder / kBackboneFile;
  std::error_code failed;
  if (!fs::equivalent(backbone, link, failed) || failed) {
    fs::remove(folder / kAdapterFile, failed);  // it is of another backbone
    fs::remove(link, failed);
    fs::create_hard_link(backbone, link, failed);
    if (failed) {
      write_file_atomic(link, read_file(backbone));
    }
  }
  adapters::save_adapter(folder / kAdapterFile, adapter);
}

bool is_kept_model(const fs::path& folder) {
  std::error_code unknown;
  return fs::is_regular_file(folder / kAdapterFile, unknown) &&
         fs::is_regular_file(folder / kBackboneFile, unknown);
}

}  // namespace lorae::client
