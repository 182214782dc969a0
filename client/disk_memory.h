#pragma once

#include <filesystem>

#include "client/memory.h"

namespace lorae::client {

/// Memory in a folder: `backbones/<digest>` and `update` (one at most). Written atomically.
class DiskMemory final : public Memory {
 public:
  /// `backbones` may be shared by clients of one machine; `own` belongs to one client.
  /// Errors: kInvalidConfig if a folder cannot be written.
  DiskMemory(std::filesystem::path backbones, std::filesystem::path own);

  std::optional<Bytes> backbone(const Digest& digest) override;
  void keep_backbone(const Digest& digest, Bytes bytes) override;
  std::optional<TrainedUpdate> update(const UpdateKey& key) override;
  void keep_update(const UpdateKey& key, const TrainedUpdate* update) override;

 private:
  std::filesystem::path backbone_path(const Digest& digest) const;

  std::filesystem::path backbones_;
  std::filesystem::path update_file_;
};

}  // namespace lorae::client
