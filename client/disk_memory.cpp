#include "client/disk_memory.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"

namespace lorae::client {
namespace {

constexpr std::uint64_t kFormat = 2;  // format 1 had no number: its first bytes are a digest

/// The fixed part of the update file; then the metrics and the payload.
struct Header {
  std::uint64_t format;
  std::array<std::byte, 32> digest;  // of everything behind it
  std::array<std::byte, 32> key;
  std::int64_t num_examples;
  std::uint64_t metrics_bytes;
};
static_assert(std::is_trivially_copyable_v<Header> && sizeof(Header) == 88);
constexpr std::size_t kDigested = offsetof(Header, key);

/// What precedes the name of a metric.
struct MetricHeader {
  double value;
  std::uint64_t name_bytes;
};

Digest digest_of_key(const UpdateKey& key) {
  Hasher hasher;
  hasher.add(key.run);
  hasher.add(std::as_bytes(std::span(&key.round.value, 1)));
  hasher.add(key.model.view());
  return hasher.finish();
}

Bytes bytes_of_metrics(const Metrics& metrics) {
  Bytes bytes;
  for (const auto& [name, value] : metrics) {
    const MetricHeader header{value, name.size()};
    append(bytes, std::as_bytes(std::span(&header, 1)));
    append(bytes, view_of(name));
  }
  return bytes;
}

std::optional<Metrics> metrics_of(ByteView bytes) {
  Metrics metrics;
  while (!bytes.empty()) {
    MetricHeader header{};
    if (bytes.size() < sizeof header) {
      return std::nullopt;
    }
    std::memcpy(&header, bytes.data(), sizeof header);
    bytes = bytes.subspan(sizeof header);
    if (bytes.size() < header.name_bytes) {
      return std::nullopt;
    }
    metrics.set(std::string(text_of(bytes.first(header.name_bytes))), header.value);
    bytes = bytes.subspan(header.name_bytes);
  }
  return metrics;
}

/// The update in the bytes of the file, if they are whole and belong to `key`.
std::optional<TrainedUpdate> read_update(ByteView bytes, const Digest& key) {
  Header header{};
  if (bytes.size() < sizeof header) {
    return std::nullopt;
  }
  std::memcpy(&header, bytes.data(), sizeof header);
  const ByteView rest = bytes.subspan(sizeof header);
  if (header.format != kFormat || header.key != key.bytes ||
      header.digest != digest_of(bytes.subspan(kDigested)).bytes ||
      header.metrics_bytes > rest.size()) {
    return std::nullopt;
  }
  auto metrics = metrics_of(rest.first(header.metrics_bytes));
  if (!metrics) {
    return std::nullopt;
  }
  return TrainedUpdate{copy_of(rest.subspan(header.metrics_bytes)), header.num_examples,
                       *std::move(metrics)};
}

std::optional<Bytes> read_if_present(const std::filesystem::path& path) {
  std::error_code status;
  if (!std::filesystem::is_regular_file(path, status)) {
    return std::nullopt;
  }
  return read_file(path);
}

}  // namespace

DiskMemory::DiskMemory(std::filesystem::path backbones, const std::filesystem::path& own)
    : backbones_(std::move(backbones)), update_file_(own / "update"), own_state_(own) {
  ensure_directory(backbones_);
  ensure_directory(own);
}

std::filesystem::path DiskMemory::backbone_path(const Digest& digest) const {
  return backbones_ / (digest.hex() + ".safetensors");
}

bool DiskMemory::has_backbone(const Digest& digest, std::uint64_t bytes) const {
  std::error_code status;
  return std::filesystem::file_size(backbone_path(digest), status) == bytes && !status;
}

std::shared_ptr<const Bytes> DiskMemory::backbone(const Digest& digest) {
  auto bytes = read_if_present(backbone_path(digest));
  if (!bytes) {
    return nullptr;
  }
  if (digest_of(*bytes) != digest) {
    std::error_code ignored;
    std::filesystem::remove(backbone_path(digest), ignored);
    return nullptr;
  }
  return std::make_shared<const Bytes>(*std::move(bytes));
}

void DiskMemory::keep_backbone(const Digest& digest, std::shared_ptr<const Bytes> bytes) {
  write_file_atomic(backbone_path(digest), *bytes);
}

std::optional<TrainedUpdate> DiskMemory::update(const UpdateKey& key) {
  const auto bytes = read_if_present(update_file_);
  return bytes ? read_update(*bytes, digest_of_key(key)) : std::nullopt;
}

void DiskMemory::keep_update(const UpdateKey& key, const TrainedUpdate* update) {
  if (update == nullptr) {
    std::error_code ignored;
    std::filesystem::remove(update_file_, ignored);
    return;
  }
  const Bytes metrics = bytes_of_metrics(update->metrics);
  Header header{kFormat, {}, digest_of_key(key).bytes, update->num_examples, metrics.size()};
  const auto head = std::as_bytes(std::span(&header, 1));
  Hasher hasher;
  hasher.add(head.subspan(kDigested));
  hasher.add(metrics);
  hasher.add(update->payload);
  header.digest = hasher.finish().bytes;
  const std::array pieces{head, ByteView(metrics), ByteView(update->payload)};
  write_file_atomic(update_file_, std::span<const ByteView>(pieces));
}

}  // namespace lorae::client
