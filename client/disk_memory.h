#pragma once

#include <filesystem>

#include "client/memory.h"

namespace lorae::client {

/// Memory in a folder: `backbones/<digest>`, `update` (one at most), and the own state. Written
/// atomically. An update file that is damaged, or of another build's format, is forgotten.
class DiskMemory final : public Memory {
 public:
  /// `backbones` may be shared by clients of one machine; `own` belongs to one client.
  /// Errors: kInvalidConfig if a folder cannot be written.
  DiskMemory(std::filesystem::path backbones, const std::filesystem::path& own);

  bool has_backbone(const Digest& digest, std::uint64_t bytes) const override;
  std::shared_ptr<const Bytes> backbone(const Digest& digest) override;
  void keep_backbone(const Digest& digest, std::shared_ptr<const Bytes> bytes) override;
  std::optional<TrainedUpdate> update(const UpdateKey& key) override;
  void keep_update(const UpdateKey& key, const TrainedUpdate* update) override;
  OwnState& own_state() override { return own_state_; }

  /// Where the backbone lies, or would.
  std::filesystem::path backbone_path(const Digest& digest) const;

 private:
  std::filesystem::path backbones_;
  std::filesystem::path update_file_;
  OwnState own_state_;
};

}  // namespace lorae::client
