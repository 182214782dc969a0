#include "client/disk_memory.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"

namespace lorae::client {
namespace {

/// The fixed part of the update file; then the payload. The digest covers everything after it.
struct Header {
  std::array<std::byte, 32> digest;  // of key, numbers and payload
  std::array<std::byte, 32> key;
  std::int64_t num_examples;
  double train_loss;
};
static_assert(std::is_trivially_copyable_v<Header>);

Digest digest_of_key(const UpdateKey& key) {
  Hasher hasher;
  hasher.add(key.run);
  hasher.add(std::as_bytes(std::span(&key.round, 1)));
  hasher.add(key.model.view());
  return hasher.finish();
}

Digest digest_of_update(const Header& header, ByteView payload) {
  Hasher hasher;
  hasher.add(header.key);
  hasher.add(std::as_bytes(std::span(&header.num_examples, 1)));
  hasher.add(std::as_bytes(std::span(&header.train_loss, 1)));
  hasher.add(payload);
  return hasher.finish();
}

std::optional<Bytes> read_if_present(const std::filesystem::path& path) {
  std::error_code status;
  if (!std::filesystem::is_regular_file(path, status)) {
    return std::nullopt;
  }
  return read_file(path);
}

}  // namespace

DiskMemory::DiskMemory(std::filesystem::path backbones, std::filesystem::path own)
    : backbones_(std::move(backbones)), update_file_(own / "update") {
  ensure_directory(backbones_);
  ensure_directory(own);
}

std::filesystem::path DiskMemory::backbone_path(const Digest& digest) const {
  return backbones_ / (digest.hex() + ".safetensors");
}

std::optional<Bytes> DiskMemory::backbone(const Digest& digest) {
  auto bytes = read_if_present(backbone_path(digest));
  return bytes && digest_of(*bytes) == digest ? bytes : std::nullopt;
}

void DiskMemory::keep_backbone(const Digest& digest, Bytes bytes) {
  write_file_atomic(backbone_path(digest), bytes);
}

std::optional<TrainedUpdate> DiskMemory::update(const UpdateKey& key) {
  const auto bytes = read_if_present(update_file_);
  if (!bytes || bytes->size() < sizeof(Header)) {
    return std::nullopt;
  }
  Header header;
  std::memcpy(&header, bytes->data(), sizeof header);
  const ByteView payload = ByteView(*bytes).subspan(sizeof header);
  if (header.key != digest_of_key(key).bytes ||
      header.digest != digest_of_update(header, payload).bytes) {
    return std::nullopt;
  }
  return TrainedUpdate{copy_of(payload), header.num_examples, header.train_loss};
}

void DiskMemory::keep_update(const UpdateKey& key, const TrainedUpdate* update) {
  if (update == nullptr) {
    std::error_code ignored;
    std::filesystem::remove(update_file_, ignored);
    return;
  }
  Header header{{}, digest_of_key(key).bytes, update->num_examples, update->train_loss};
  header.digest = digest_of_update(header, update->payload).bytes;
  const std::array pieces{std::as_bytes(std::span(&header, 1)), ByteView(update->payload)};
  write_file_atomic(update_file_, std::span<const ByteView>(pieces));
}

}  // namespace lorae::client
