#pragma once

#include <c10/core/ScalarType.h>

#include <filesystem>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "tensors/safetensors_header.h"
#include "tensors/state_dict.h"

namespace lorae {

struct SafetensorsFile {
  StateDict state;
  Metadata metadata;
};

/// "F32", "F16", "BF16", "F64", "I64", "I32", "I16", "I8", "U8" or "BOOL".
/// Errors: kInvalidArgument for a dtype that the format does not have.
std::string_view safetensors_dtype(c10::ScalarType type);

/// The file as bytes: u64 header length, JSON header padded to 8, then the tensors in name order.
/// Equal states and metadata give equal bytes.
/// Source: the safetensors format, https://huggingface.co/docs/safetensors.
Bytes safetensors_pack(const StateDict& state, const Metadata& metadata = {});

/// Reads a file that anybody may have made, as read_safetensors_header does. Tensors are copies.
/// Errors (returned): kCorruptData saying what is wrong.
Result<SafetensorsFile> safetensors_unpack(ByteView bytes);

/// The same without copies: tensors are `bytes`, which they keep. They must not be written to.
/// Errors (returned): as safetensors_unpack.
Result<SafetensorsFile> safetensors_view(const std::shared_ptr<const Bytes>& bytes);

/// What a file of tensors may hold: weights are finite, what a model made of them need not be.
enum class Numbers { kFinite, kAny };

/// Atomic (see write_file_atomic). Errors: kCorruptData, naming the tensor, for a number that is
/// not finite where those have to be; then nothing is written.
void save_safetensors(const std::filesystem::path& path,
                      const StateDict& state,
                      const Metadata& metadata = {},
                      Numbers allowed = Numbers::kFinite);

/// Errors: kInvalidConfig if unreadable; kCorruptData, naming the file, and what it is instead if
/// that is known (see other_format).
SafetensorsFile load_safetensors(const std::filesystem::path& path);

/// The header of a file that was read from `path`. Errors: as load_safetensors, but for unknown
/// dtypes.
SafetensorsHeader load_safetensors_header(const std::filesystem::path& path, ByteView file);

/// As load_safetensors, but the tensors are the file's own pages, read when they are first touched
/// and copied when they are first written; the file never changes. See MappedFile for files that
/// another program may shorten meanwhile.
SafetensorsFile map_safetensors(const std::filesystem::path& path);

}  // namespace lorae
