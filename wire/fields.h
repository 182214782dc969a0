#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <msgpack.hpp>
#include <stdexcept>
#include <tuple>

#include "wire/messages.h"

// How the fields of a message become msgpack and come back: for messages.cpp and the tests of
// growing messages. Whatever is wrong is thrown as a std::exception, which unpack() catches.
namespace lorae::wire {

inline constexpr std::uint32_t kPrefix = 3;  ///< magic, version, kind: the same in every version

using Packer = msgpack::packer<msgpack::sbuffer>;

template <typename M>
inline constexpr std::size_t kArity = std::tuple_size_v<decltype(std::declval<M&>().fields())>;

inline bool is_metric_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxMetricName &&
         std::ranges::all_of(name, [](char c) { return c >= ' ' && c <= '~'; });
}

inline void pack_field(Packer& out, std::uint64_t value) {
  out.pack_uint64(value);
}

template <typename Id>
void pack_field(Packer& out, NumberId<Id> id) {
  pack_field(out, id.value);
}

inline void pack_field(Packer& out, double value) {
  // msgpack-c's pack_double writes 1.0 as the integer 1; here a number is a float64, always.
  std::array<char, 9> bytes{static_cast<char>(0xcb)};
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(bits >> (64 - 8 * i));
  }
  out.pack_str_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));  // as they are
}

inline void pack_field(Packer& out, const std::string& text) {
  const auto size = static_cast<std::uint32_t>(std::min(text.size(), kMaxText));
  out.pack_str(size);
  out.pack_str_body(text.data(), size);
}

template <std::size_t kSize>
void pack_bytes(Packer& out, const std::array<std::byte, kSize>& bytes) {
  out.pack_bin(static_cast<std::uint32_t>(kSize));
  out.pack_bin_body(reinterpret_cast<const char*>(bytes.data()), static_cast<std::uint32_t>(kSize));
}

inline void pack_field(Packer& out, const Digest& digest) {
  pack_bytes(out, digest.bytes);
}

inline void pack_field(Packer& out, const ShortDigest& digest) {
  pack_bytes(out, digest.bytes);
}

inline void pack_field(Packer& out, const Metrics& metrics) {
  Metrics sendable;
  for (const auto& [name, value] : metrics) {
    if (sendable.size() < kMaxMetrics && is_metric_name(name) && std::isfinite(value)) {
      sendable.set(name, value);
    }
  }
  out.pack_map(static_cast<std::uint32_t>(sendable.size()));
  for (const auto& [name, value] : sendable) {
    pack_field(out, name);
    pack_field(out, value);
  }
}

template <typename Enum>
requires std::is_enum_v<Enum>
void pack_field(Packer& out, Enum value) {
  out.pack_uint64(static_cast<std::uint64_t>(value));
}

/// How many fields a writer writes: those that are required, and others up to the last one that
/// does not have its default.
template <typename M>
std::size_t fields_to_write(M& message) {
  M plain;
  auto now = message.fields();
  auto before = plain.fields();
  std::size_t count = M::kRequired;
  const auto look = [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((count = std::get<I>(now) == std::get<I>(before) ? count : std::max(count, I + 1)), ...);
  };
  look(std::make_index_sequence<kArity<M>>());
  return count;
}

/// The head of `message` in a frame of `version`, with its first `count` fields.
template <typename M>
Bytes pack_head(std::uint64_t version, M& message, std::size_t count) {
  msgpack::sbuffer buffer;
  Packer packer(buffer);
  packer.pack_array(kPrefix + static_cast<std::uint32_t>(count));
  pack_field(packer, kMagic);
  pack_field(packer, version);
  pack_field(packer, M::kKind);
  std::size_t next = 0;
  const auto pack_next = [&](const auto& field) {
    if (next++ < count) {
      pack_field(packer, field);
    }
  };
  std::apply([&](const auto&... field) { (pack_next(field), ...); }, message.fields());
  return copy_of(std::as_bytes(std::span(buffer.data(), buffer.size())));
}

// msgpack's as<T>() converts between types; a field must have exactly the declared one.
inline void require(bool condition, const char* expected) {
  if (!condition) {
    throw std::runtime_error(expected);
  }
}

inline void read_field(const msgpack::object& from, std::uint64_t& to) {
  require(from.type == msgpack::type::POSITIVE_INTEGER, "expected an unsigned integer");
  to = from.via.u64;
}

template <typename Id>
void read_field(const msgpack::object& from, NumberId<Id>& to) {
  read_field(from, to.value);
}

inline void read_field(const msgpack::object& from, double& to) {
  require(from.type == msgpack::type::FLOAT64 && std::isfinite(from.via.f64),
          "expected a finite number");
  to = from.via.f64;
}

inline void read_field(const msgpack::object& from, std::string& to) {
  require(from.type == msgpack::type::STR && from.via.str.size <= kMaxText,
          "expected text of at most 480 bytes");
  to.assign(from.via.str.ptr, from.via.str.size);
}

inline void read_field(const msgpack::object& from, Digest& to) {
  require(from.type == msgpack::type::BIN && from.via.bin.size == to.bytes.size(),
          "expected a digest of 32 bytes");
  std::memcpy(to.bytes.data(), from.via.bin.ptr, to.bytes.size());
}

inline void read_field(const msgpack::object& from, ShortDigest& to) {
  require(from.type == msgpack::type::BIN && from.via.bin.size == to.bytes.size(),
          "expected a digest of 16 bytes");
  std::memcpy(to.bytes.data(), from.via.bin.ptr, to.bytes.size());
}

inline void read_field(const msgpack::object& from, Metrics& to) {
  require(from.type == msgpack::type::MAP && from.via.map.size <= kMaxMetrics,
          "expected a map of at most 32 metrics");
  Metrics metrics;
  std::string name;
  double value = 0;
  for (const msgpack::object_kv& entry : std::span(from.via.map.ptr, from.via.map.size)) {
    read_field(entry.key, name);
    require(is_metric_name(name) && !metrics.find(name),
            "expected metric names of 1 to 64 printable characters, each once");
    read_field(entry.val, value);
    metrics.set(name, value);
  }
  to = std::move(metrics);
}

template <typename Enum>
requires std::is_enum_v<Enum>
void read_field(const msgpack::object& from, Enum& to) {
  std::uint64_t value = 0;
  read_field(from, value);
  // A value this build does not know is kept: receivers treat it like their default case.
  to = static_cast<Enum>(value);
}

/// Reads the fields behind the prefix: at least M::kRequired; absent ones keep their defaults, and
/// those behind the known ones are skipped.
template <typename M>
void read_fields(const msgpack::object_array& array, M& message) {
  static_assert(M::kRequired <= kArity<M>);
  require(array.size >= kPrefix + M::kRequired, "too few fields");
  std::size_t next = kPrefix;
  const auto read_next = [&](auto& field) {
    if (next < array.size) {
      read_field(array.ptr[next++], field);
    }
  };
  std::apply([&](auto&... field) { (read_next(field), ...); }, message.fields());
}

}  // namespace lorae::wire
