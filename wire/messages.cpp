#include "wire/messages.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <msgpack.hpp>
#include <optional>
#include <utility>

namespace lorae::wire {
namespace {

constexpr std::uint32_t kPrefix = 3;  // magic, version, kind
constexpr std::uint32_t kMostFields = 16;

template <typename M>
concept HasBody = requires(M message) {
  message.body;
};

using Packer = msgpack::packer<msgpack::sbuffer>;

void pack_field(Packer& out, std::uint64_t value) {
  out.pack_uint64(value);
}
void pack_field(Packer& out, double value) {
  // msgpack-c's pack_double writes 1.0 as the integer 1; here a number is a float64, always.
  std::array<char, 9> bytes{static_cast<char>(0xcb)};
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(bits >> (64 - 8 * i));
  }
  out.pack_str_body(bytes.data(), static_cast<std::uint32_t>(bytes.size()));  // as they are
}

void pack_field(Packer& out, const std::string& text) {
  const auto size = static_cast<std::uint32_t>(std::min(text.size(), kMaxText));
  out.pack_str(size);
  out.pack_str_body(text.data(), size);
}

void pack_field(Packer& out, const Digest& digest) {
  const auto size = static_cast<std::uint32_t>(digest.bytes.size());
  out.pack_bin(size);
  out.pack_bin_body(reinterpret_cast<const char*>(digest.bytes.data()), size);
}

template <typename Enum>
requires std::is_enum_v<Enum>
void pack_field(Packer& out, Enum value) {
  out.pack_uint64(static_cast<std::uint64_t>(value));
}

// msgpack's as<T>() converts between types; a field must have exactly the declared one.
void require(bool condition, const char* expected) {
  if (!condition) {
    throw std::runtime_error(expected);
  }
}

void read_field(const msgpack::object& from, std::uint64_t& to) {
  require(from.type == msgpack::type::POSITIVE_INTEGER, "expected an unsigned integer");
  to = from.via.u64;
}

void read_field(const msgpack::object& from, double& to) {
  require(from.type == msgpack::type::FLOAT64 && std::isfinite(from.via.f64),
          "expected a finite number");
  to = from.via.f64;
}

void read_field(const msgpack::object& from, std::string& to) {
  require(from.type == msgpack::type::STR, "expected text");
  to.assign(from.via.str.ptr, from.via.str.size);
}

void read_field(const msgpack::object& from, Digest& to) {
  require(from.type == msgpack::type::BIN && from.via.bin.size == to.bytes.size(),
          "expected a digest of 32 bytes");
  std::memcpy(to.bytes.data(), from.via.bin.ptr, to.bytes.size());
}

template <typename Enum>
requires std::is_enum_v<Enum>
void read_field(const msgpack::object& from, Enum& to) {
  std::uint64_t value = 0;
  read_field(from, value);
  // A value this build does not know is kept: receivers treat it like their default case.
  to = static_cast<Enum>(value);
}

template <typename M>
Message read_message(const msgpack::object_array& array, Bytes body) {
  M message;
  auto fields = message.fields();
  constexpr std::size_t kArity = std::tuple_size_v<decltype(fields)>;
  require(array.size == kPrefix + kArity, "wrong number of fields");
  std::size_t next = kPrefix;
  std::apply([&](auto&... field) { (read_field(array.ptr[next++], field), ...); }, fields);
  if constexpr (HasBody<M>) {
    message.body = std::move(body);
  } else {
    require(body.empty(), "a body where none belongs");
  }
  return message;
}

/// Tries the alternatives of Message in order until one has the wanted kind.
template <std::size_t Index = 0>
Message read_kind(Kind kind, const msgpack::object_array& array, Bytes body) {
  if constexpr (Index == std::variant_size_v<Message>) {
    throw std::runtime_error(str("unknown kind ", static_cast<std::uint64_t>(kind)));
  } else {
    using M = std::variant_alternative_t<Index, Message>;
    return M::kKind == kind ? read_message<M>(array, std::move(body))
                            : read_kind<Index + 1>(kind, array, std::move(body));
  }
}

std::optional<Error> check_prefix(const msgpack::object_array& array) {
  std::uint64_t magic = 0;
  std::uint64_t version = 0;
  require(array.size >= kPrefix, "too short");
  read_field(array.ptr[0], magic);
  require(magic == kMagic, "not a LoRAE message");
  read_field(array.ptr[1], version);
  if (version != kVersion) {
    return Error(ErrorCode::kIncompatible, str("[wire] message has protocol version ", version,
                                               ", this build speaks ", kVersion));
  }
  return std::nullopt;
}

}  // namespace

Frame pack(Message message) {
  Frame frame;
  std::visit(
      [&](auto& typed) {
        using M = std::decay_t<decltype(typed)>;
        msgpack::sbuffer buffer;
        Packer packer(buffer);
        auto fields = typed.fields();
        packer.pack_array(kPrefix +
                          static_cast<std::uint32_t>(std::tuple_size_v<decltype(fields)>));
        pack_field(packer, kMagic);
        pack_field(packer, kVersion);
        pack_field(packer, M::kKind);
        std::apply([&](const auto&... field) { (pack_field(packer, field), ...); }, fields);
        frame.head = copy_of(std::as_bytes(std::span(buffer.data(), buffer.size())));
        if constexpr (HasBody<M>) {
          frame.body = std::move(typed.body);
        }
      },
      message);
  return frame;
}

Result<Message> unpack(Frame frame) {
  const auto corrupt = [&](const char* why) {
    return Error(ErrorCode::kCorruptData,
                 str("[wire] message head of ", frame.head.size(), " bytes: ", why));
  };
  if (frame.head.size() > kMaxHead) {
    return corrupt("too long");
  }
  try {
    // Without limits a 5-byte head can claim, and allocate, 2^32 elements.
    const msgpack::unpack_limit limits(kMostFields, /*map=*/0, kMaxText, /*bin=*/32, /*ext=*/0,
                                       /*depth=*/2);
    std::size_t used = 0;
    const auto handle = msgpack::unpack(reinterpret_cast<const char*>(frame.head.data()),
                                        frame.head.size(), used, nullptr, nullptr, limits);
    require(used == frame.head.size(), "bytes after the message");
    require(handle->type == msgpack::type::ARRAY, "not an array");
    const msgpack::object_array& array = handle->via.array;
    if (auto error = check_prefix(array)) {
      return *std::move(error);
    }
    Kind kind{};
    read_field(array.ptr[2], kind);
    return read_kind(kind, array, std::move(frame.body));
  } catch (const std::exception& error) {
    return corrupt(error.what());  // msgpack reports every malformation by throwing
  }
}

}  // namespace lorae::wire
