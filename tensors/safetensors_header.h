#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace lorae {

/// Free text pairs in a safetensors header ("__metadata__").
using Metadata = std::map<std::string, std::string>;

enum class SafetensorsDtype { kF32, kF16, kBF16, kF64, kI64, kI32, kI16, kI8, kU8, kBool };

/// "F32", "BF16", "BOOL" ...
std::string_view name_of(SafetensorsDtype dtype);
/// Bytes of one number.
std::size_t size_of(SafetensorsDtype dtype);

/// One tensor of a file.
struct SafetensorsEntry {
  std::string name;
  SafetensorsDtype dtype = SafetensorsDtype::kF32;
  std::vector<std::int64_t> shape;
  std::size_t begin = 0, end = 0;  ///< its bytes in the file
  std::string unknown = {};        ///< the file's word for a dtype that `dtype` cannot say; else ""

  std::string_view dtype_name() const;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;
  Metadata metadata;
};

/// Reads the header of a whole file that anybody may have made: lengths, offsets, overlaps, gaps,
/// duplicate names, dtypes and shapes are checked, so that every entry's bytes are in the file, fit
/// its shape and belong to it alone. Only whether they fit is not known of an unknown dtype.
/// Errors (returned): kCorruptData saying what is wrong, and of which tensor.
/// Source: the safetensors format, https://huggingface.co/docs/safetensors.
Result<SafetensorsHeader> read_safetensors_header(ByteView file);

/// What else a file is that is no safetensors file, and what to do: "it is a Git LFS pointer ...";
/// "" if that is not known.
std::string other_format(ByteView file);

/// Length and JSON text, padded to 8 bytes, of a file whose tensors follow in the order of
/// `entries`; their `begin` and `end` count from the first tensor's first byte.
Bytes safetensors_header_bytes(const SafetensorsHeader& header);

}  // namespace lorae
