#include "tensors/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/atomic_file.h"
#include "tensors/torch.h"

namespace lorae {
namespace {

using nlohmann::json;

struct Dtype {
  std::string_view name;
  c10::ScalarType type;
};

constexpr std::array kDtypes = {
    Dtype{"F32", c10::kFloat},  Dtype{"F16", c10::kHalf}, Dtype{"BF16", c10::kBFloat16},
    Dtype{"F64", c10::kDouble}, Dtype{"I64", c10::kLong}, Dtype{"I32", c10::kInt},
    Dtype{"I16", c10::kShort},  Dtype{"I8", c10::kChar},  Dtype{"U8", c10::kByte},
    Dtype{"BOOL", c10::kBool},
};

constexpr std::size_t kLengthField = sizeof(std::uint64_t);
constexpr std::size_t kLargestHeader = 100U << 20U;  // the reference reader's limit
constexpr std::size_t kMostDimensions = 8;
constexpr std::string_view kMetadataKey = "__metadata__";

std::optional<c10::ScalarType> type_named(std::string_view name) {
  for (const Dtype& dtype : kDtypes) {
    if (dtype.name == name) {
      return dtype.type;
    }
  }
  return std::nullopt;
}

struct Slice {
  std::size_t begin = 0;
  std::size_t end = 0;
};

void require(bool condition, const std::string& why) {
  if (!condition) {
    throw std::runtime_error(why);
  }
}

std::vector<std::int64_t> read_shape(const json& entry, const std::string& name) {
  const json& shape = entry.at("shape");
  require(shape.is_array() && shape.size() <= kMostDimensions, "'" + name + "': bad shape");
  std::vector<std::int64_t> sizes;
  for (const json& size : shape) {
    require(size.is_number_unsigned() &&
                size.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max(),
            "'" + name + "': bad shape");
    sizes.push_back(size.get<std::int64_t>());
  }
  return sizes;
}

/// The bytes that a tensor of this shape needs, or an exception if that overflows.
std::size_t checked_bytes(const std::vector<std::int64_t>& shape,
                          std::size_t item,
                          const std::string& name) {
  auto bytes = static_cast<std::int64_t>(item);
  bool empty = false;
  for (const std::int64_t size : shape) {
    // A zero must not hide the other sizes: LibTorch multiplies them into strides.
    require(!__builtin_mul_overflow(bytes, std::max<std::int64_t>(size, 1), &bytes),
            "'" + name + "': the shape overflows");
    empty = empty || size == 0;
  }
  return empty ? 0 : static_cast<std::size_t>(bytes);
}

at::Tensor read_tensor(const json& entry, const std::string& name, ByteView data, Slice& slice) {
  require(entry.is_object(), "'" + name + "': not an object");
  const auto dtype = type_named(entry.at("dtype").get<std::string>());
  require(dtype.has_value(), "'" + name + "': unknown dtype " + entry.at("dtype").dump());
  const auto shape = read_shape(entry, name);
  const json& offsets = entry.at("data_offsets");
  require(offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() &&
              offsets[1].is_number_unsigned(),
          "'" + name + "': bad data_offsets");
  slice = {offsets[0].get<std::size_t>(), offsets[1].get<std::size_t>()};
  require(slice.begin <= slice.end && slice.end <= data.size(),
          "'" + name + "': its data lies outside the file");
  const std::size_t bytes = checked_bytes(shape, c10::elementSize(*dtype), name);
  require(bytes == slice.end - slice.begin,
          "'" + name + "': the shape needs " + std::to_string(bytes) + " bytes, the offsets give " +
              std::to_string(slice.end - slice.begin));
  at::Tensor tensor = torch::empty(shape, *dtype);
  if (bytes > 0) {
    std::memcpy(tensor.data_ptr(), data.data() + slice.begin, bytes);
  }
  return tensor;
}

/// The format wants every data byte to belong to exactly one tensor.
void require_cover(std::vector<Slice> slices, std::size_t size) {
  std::sort(slices.begin(), slices.end(), [](const Slice& a, const Slice& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  std::size_t position = 0;
  for (const Slice& slice : slices) {
    require(slice.begin == position, slice.begin < position ? "tensors overlap" : "unused bytes");
    position = slice.end;
  }
  require(position == size, "bytes after the last tensor");
}

json parse_header(std::string_view text) {
  // nlohmann stops at a zero byte as if the text ended there; nothing may hide behind one.
  require(text.find('\0') == std::string_view::npos, "a zero byte in the header");
  // nlohmann keeps the last of two equal keys silently; a hostile file must not hide one so.
  std::vector<std::set<std::string>> names(1);
  const auto reject_duplicates = [&](int /*depth*/, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) {
      names.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      names.pop_back();
    } else if (event == json::parse_event_t::key) {
      require(names.back().insert(parsed.get<std::string>()).second,
              "the name " + parsed.dump() + " comes twice");
    }
    return true;
  };
  json header = json::parse(text, reject_duplicates);
  require(header.is_object(), "the header is not an object");
  return header;
}

SafetensorsFile unpack_or_throw(ByteView bytes) {
  std::uint64_t header_size = 0;
  require(bytes.size() >= kLengthField, "too short");
  std::memcpy(&header_size, bytes.data(), kLengthField);
  require(header_size <= kLargestHeader && header_size <= bytes.size() - kLengthField,
          "the header is longer than the file");
  const json header = parse_header(text_of(bytes.subspan(kLengthField, header_size)));
  const ByteView data = bytes.subspan(kLengthField + header_size);
  SafetensorsFile file;
  std::vector<StateDict::Entry> entries;
  std::vector<Slice> slices;
  for (const auto& [name, entry] : header.items()) {
    if (name == kMetadataKey) {
      file.metadata = entry.get<Metadata>();
      continue;
    }
    Slice slice;
    entries.emplace_back(name, read_tensor(entry, name, data, slice));
    slices.push_back(slice);
  }
  require_cover(std::move(slices), data.size());
  file.state = StateDict(std::move(entries));
  return file;
}

}  // namespace

std::string_view safetensors_dtype(c10::ScalarType type) {
  for (const Dtype& dtype : kDtypes) {
    if (dtype.type == type) {
      return dtype.name;
    }
  }
  fail(ErrorCode::kInvalidArgument, "[safetensors] no dtype for ", c10::toString(type));
}

Bytes safetensors_pack(const StateDict& state, const Metadata& metadata) {
  json header = json::object();
  if (!metadata.empty()) {
    header[std::string(kMetadataKey)] = metadata;
  }
  std::vector<at::Tensor> tensors;
  std::size_t offset = 0;
  for (const auto& [name, tensor] : state) {
    tensors.push_back(tensor.detach().cpu().contiguous());
    const std::size_t end = offset + tensors.back().nbytes();
    header[name] = {{"dtype", safetensors_dtype(tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t header_size = text.size();
  Bytes bytes;
  bytes.reserve(kLengthField + text.size() + offset);
  append(bytes, std::as_bytes(std::span(&header_size, 1)));
  append(bytes, view_of(text));
  for (const at::Tensor& tensor : tensors) {
    append(bytes, ByteView(static_cast<const std::byte*>(tensor.data_ptr()), tensor.nbytes()));
  }
  return bytes;
}

Result<SafetensorsFile> safetensors_unpack(ByteView bytes) {
  try {
    return unpack_or_throw(bytes);
  } catch (const std::exception& error) {  // ours, or nlohmann's for malformed JSON
    return Error(ErrorCode::kCorruptData, str("[safetensors] ", error.what()));
  }
}

void save_safetensors(const std::filesystem::path& path,
                      const StateDict& state,
                      const Metadata& metadata) {
  write_file_atomic(path, safetensors_pack(state, metadata));
}

SafetensorsFile load_safetensors(const std::filesystem::path& path) {
  auto file = safetensors_unpack(read_file(path));
  check(file.ok(), ErrorCode::kCorruptData, "'", path.string(),
        "': ", file.ok() ? "" : file.error().what(), "; fetch or make the file again");
  return *std::move(file);
}

}  // namespace lorae
