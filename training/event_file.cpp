#include "training/event_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <fstream>

#include "base/atomic_file.h"
#include "base/error.h"

namespace lorae::training {
namespace {

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      constexpr std::uint32_t kReflected = 0x82f63b78;
      value = (value >> 1) ^ ((value & 1) != 0 ? kReflected : 0);
    }
    table.at(i) = value;
  }
  return table;
}

template <typename Number>
void append_fixed(Bytes& to, Number number) {
  append(to, std::as_bytes(std::span(&number, 1)));
}

void append_varint(Bytes& to, std::uint64_t value) {
  constexpr std::uint64_t kMore = 0x80;
  for (; value >= kMore; value >>= 7) {
    to.push_back(static_cast<std::byte>(value | kMore));
  }
  to.push_back(static_cast<std::byte>(value));
}

// Kinds of fields on protobuf's wire.
enum class Wire : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void append_key(Bytes& to, std::uint64_t field, Wire wire) {
  append_varint(to, (field << 3) | static_cast<std::uint64_t>(wire));
}

void append_bytes(Bytes& to, std::uint64_t field, ByteView bytes) {
  append_key(to, field, Wire::kBytes);
  append_varint(to, bytes.size());
  append(to, bytes);
}

Bytes value_of(const std::string& tag, double number) {
  Bytes value;
  append_bytes(value, 1, view_of(tag));
  append_key(value, 2, Wire::kFixed32);
  append_fixed(value, static_cast<float>(number));
  return value;
}

Bytes event_at(double wall_time) {
  Bytes event;
  append_key(event, 1, Wire::kFixed64);
  append_fixed(event, wall_time);
  return event;
}

Bytes event_of(const StepScalars& step) {
  Bytes summary;
  for (const auto& [tag, number] : step.scalars) {
    append_bytes(summary, 1, value_of(tag, number));
  }
  Bytes event = event_at(step.wall_time);
  append_key(event, 2, Wire::kVarint);
  append_varint(event, static_cast<std::uint64_t>(step.step));
  append_bytes(event, 5, summary);
  return event;
}

void append_masked_crc(Bytes& to, ByteView of) {
  constexpr int kTurn = 15;
  constexpr std::uint32_t kMask = 0xa282ead8;
  append_fixed(to, std::rotr(crc32c(of), kTurn) + kMask);
}

void append_record(Bytes& to, ByteView event) {
  Bytes length;
  append_fixed(length, static_cast<std::uint64_t>(event.size()));
  append(to, length);
  append_masked_crc(to, length);
  append(to, event);
  append_masked_crc(to, event);
}

}  // namespace

std::uint32_t crc32c(ByteView bytes) {
  static constexpr std::array<std::uint32_t, 256> kTable = crc_table();
  constexpr std::uint32_t kAll = 0xffffffff;
  std::uint32_t crc = kAll;
  for (const std::byte byte : bytes) {
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<std::uint32_t>(byte)) & 0xff];
  }
  return crc ^ kAll;
}

Bytes event_file(double started, std::span<const StepScalars> steps) {
  Bytes file;
  Bytes version = event_at(started);
  append_bytes(version, 3, view_of("brain.Event:2"));
  append_record(file, version);
  for (const StepScalars& step : steps) {
    append_record(file, event_of(step));
  }
  return file;
}

void grow_file(const std::filesystem::path& path, ByteView content) {
  const Bytes there = std::filesystem::exists(path) ? read_file(path) : Bytes{};
  if (there.empty() || there.size() > content.size() ||
      !std::equal(there.begin(), there.end(), content.begin())) {
    write_file_atomic(path, content);
    return;
  }
  const std::string_view rest = text_of(content.subspan(there.size()));
  std::ofstream file(path, std::ios::binary | std::ios::app);
  file.write(rest.data(), static_cast<std::streamsize>(rest.size()));
  file.flush();
  check(file.good(), ErrorCode::kUnavailable, "[train] cannot write '", path.string(), "'");
}

}  // namespace lorae::training
