#include "client/disk_memory.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/atomic_file.h"
#include "client/kept_file.h"

namespace lorae::client {
namespace {

constexpr std::uint64_t kFormat = 2;  // format 1 had no number: its first bytes are a digest

/// Where the body of the update's file begins; then the metrics and the payload.
struct Front {
  std::int64_t num_examples;
  std::uint64_t metrics_bytes;
};

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

/// The update in the body of its file.
std::optional<TrainedUpdate> update_in(ByteView body) {
  Front front{};
  if (body.size() < sizeof front) {
    return std::nullopt;
  }
  std::memcpy(&front, body.data(), sizeof front);
  const ByteView rest = body.subspan(sizeof front);
  if (front.metrics_bytes > rest.size()) {
    return std::nullopt;
  }
  auto metrics = metrics_of(rest.first(front.metrics_bytes));
  if (!metrics) {
    return std::nullopt;
  }
  return TrainedUpdate{copy_of(rest.subspan(front.metrics_bytes)), front.num_examples,
                       *std::move(metrics)};
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
  const std::filesystem::path path = backbone_path(digest);
  std::error_code status;
  if (!std::filesystem::is_regular_file(path, status)) {
    return nullptr;
  }
  Bytes bytes = read_file(path);
  if (digest_of(bytes) != digest) {
    std::filesystem::remove(path, status);
    return nullptr;
  }
  return std::make_shared<const Bytes>(std::move(bytes));
}

void DiskMemory::keep_backbone(const Digest& digest, std::shared_ptr<const Bytes> bytes) {
  write_file_atomic(backbone_path(digest), *bytes);
}

std::optional<TrainedUpdate> DiskMemory::update(const UpdateKey& key) {
  const auto body = read_kept(update_file_, kFormat, digest_of_key(key));
  return body ? update_in(*body) : std::nullopt;
}

void DiskMemory::keep_update(const UpdateKey& key, const TrainedUpdate* update) {
  if (update == nullptr) {
    std::error_code ignored;
    std::filesystem::remove(update_file_, ignored);
    return;
  }
  const Bytes metrics = bytes_of_metrics(update->metrics);
  const Front front{update->num_examples, metrics.size()};
  const std::array body{std::as_bytes(std::span(&front, 1)), ByteView(metrics),
                        ByteView(update->payload)};
  write_kept(update_file_, kFormat, digest_of_key(key), std::span<const ByteView>(body));
}

}  // namespace lorae::client
