#include "tensors/safetensors.h"

#include <array>
#include <cstring>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "tensors/finite.h"
#include "tensors/torch.h"

namespace lorae {
namespace {

namespace fs = std::filesystem;

/// In the order of SafetensorsDtype.
constexpr std::array kTypes = {c10::kFloat, c10::kHalf,  c10::kBFloat16, c10::kDouble, c10::kLong,
                               c10::kInt,   c10::kShort, c10::kChar,     c10::kByte,   c10::kBool};

c10::ScalarType type_of(SafetensorsDtype dtype) {
  return kTypes.at(static_cast<std::size_t>(dtype));
}

SafetensorsDtype dtype_of(c10::ScalarType type) {
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    if (kTypes[i] == type) {
      return static_cast<SafetensorsDtype>(i);
    }
  }
  fail(ErrorCode::kInvalidArgument, "[safetensors] no dtype for ", c10::toString(type));
}

/// Booleans are bytes 0 and 1; LibTorch computes nonsense with others.
void check_booleans(const SafetensorsEntry& entry, ByteView bytes) {
  if (entry.dtype == SafetensorsDtype::kBool) {
    for (const std::byte value : bytes) {
      check(value <= std::byte{1}, ErrorCode::kCorruptData, "[safetensors] '", entry.name,
            "': expected booleans, got a byte ", std::to_integer<int>(value));
    }
  }
}

at::Tensor copied(const SafetensorsEntry& entry, ByteView bytes) {
  at::Tensor tensor = torch::empty(entry.shape, type_of(entry.dtype));
  if (!bytes.empty()) {
    std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  }
  return tensor;
}

/// Makes tensors of the memory of `owner`, where a file begins at `begin`; copies what is not
/// aligned.
template <typename Owner>
auto viewed(const std::shared_ptr<Owner>& owner, std::byte* begin) {
  return [owner, begin](const SafetensorsEntry& entry, ByteView bytes) {
    std::byte* data = begin + entry.begin;
    if (bytes.empty() || reinterpret_cast<std::uintptr_t>(data) % size_of(entry.dtype) != 0) {
      return copied(entry, bytes);
    }
    return torch::from_blob(
        data, entry.shape, [owner](void*) {}, type_of(entry.dtype));
  };
}

/// `tensor(entry, bytes)` for each entry of a file.
template <typename MakeTensor>
Result<SafetensorsFile> unpack(ByteView file, MakeTensor&& tensor) {
  Result<SafetensorsHeader> header = read_safetensors_header(file);
  if (!header.ok()) {
    return header.error();
  }
  try {
    std::vector<StateDict::Entry> entries;
    for (const SafetensorsEntry& entry : header->entries) {
      check(entry.unknown.empty(), ErrorCode::kCorruptData, "[safetensors] '", entry.name,
            "': unknown dtype \"", entry.unknown,
            "\"; convert it where the file was made; lorae weights inspect lists them all");
      const ByteView bytes = file.subspan(entry.begin, entry.end - entry.begin);
      check_booleans(entry, bytes);
      entries.emplace_back(entry.name, tensor(entry, bytes));
    }
    return SafetensorsFile{StateDict(std::move(entries)), std::move(header->metadata)};
  } catch (const Error& error) {
    return error;
  }
}

/// What was read of `bytes`, or why it was not.
template <typename File>
File value_or_throw(Result<File> file, ByteView bytes, const fs::path& path) {
  if (!file.ok()) {
    const std::string other = other_format(bytes);
    const std::string why = file.error().what();
    fail(ErrorCode::kCorruptData, "'", path.string(), "': ",
         !other.empty()                        ? "[safetensors] " + other
         : why.find("; ") != std::string::npos ? why
                                               : why + "; fetch or make the file again");
  }
  return *std::move(file);
}

/// A header and the tensors behind it, contiguous on the CPU.
struct Packed {
  Bytes header;
  std::vector<at::Tensor> tensors;

  std::vector<ByteView> pieces() const {
    std::vector<ByteView> all{header};
    for (const at::Tensor& tensor : tensors) {
      all.emplace_back(static_cast<const std::byte*>(tensor.data_ptr()), tensor.nbytes());
    }
    return all;
  }
};

Packed pack(const StateDict& state, const Metadata& metadata) {
  Packed packed;
  SafetensorsHeader header{.entries = {}, .metadata = metadata};
  std::size_t offset = 0;
  for (const auto& [name, tensor] : state) {
    packed.tensors.push_back(tensor.detach().cpu().contiguous());
    const std::size_t end = offset + packed.tensors.back().nbytes();
    header.entries.push_back({.name = name,
                              .dtype = dtype_of(tensor.scalar_type()),
                              .shape = tensor.sizes().vec(),
                              .begin = offset,
                              .end = end});
    offset = end;
  }
  packed.header = safetensors_header_bytes(header);
  return packed;
}

}  // namespace

std::string_view safetensors_dtype(c10::ScalarType type) {
  return name_of(dtype_of(type));
}

Bytes safetensors_pack(const StateDict& state, const Metadata& metadata) {
  const Packed packed = pack(state, metadata);
  Bytes bytes;
  std::size_t size = 0;
  for (const ByteView piece : packed.pieces()) {
    size += piece.size();
  }
  bytes.reserve(size);
  for (const ByteView piece : packed.pieces()) {
    append(bytes, piece);
  }
  return bytes;
}

Result<SafetensorsFile> safetensors_unpack(ByteView bytes) {
  return unpack(bytes, copied);
}

Result<SafetensorsFile> safetensors_view(const std::shared_ptr<const Bytes>& bytes) {
  return unpack(*bytes, viewed(bytes, const_cast<std::byte*>(bytes->data())));  // NOLINT
}

void save_safetensors(const fs::path& path,
                      const StateDict& state,
                      const Metadata& metadata,
                      Numbers allowed) {
  if (allowed == Numbers::kFinite) {
    check_finite("weights", state);
  }
  write_file_atomic(path, pack(state, metadata).pieces());
}

SafetensorsFile load_safetensors(const fs::path& path) {
  const Bytes bytes = read_file(path);
  return value_or_throw(safetensors_unpack(bytes), bytes, path);
}

SafetensorsHeader load_safetensors_header(const fs::path& path, ByteView file) {
  return value_or_throw(read_safetensors_header(file), file, path);
}

SafetensorsFile map_safetensors(const fs::path& path) {
  std::error_code unknown;
  const fs::file_type type = fs::status(path, unknown).type();
  if (type == fs::file_type::fifo || type == fs::file_type::character) {
    return load_safetensors(path);  // of these nothing can be mapped
  }
  const auto file = std::make_shared<MappedFile>(path);
  return value_or_throw(unpack(file->bytes(), viewed(file, file->data())), file->bytes(), path);
}

}  // namespace lorae
