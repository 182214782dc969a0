#include "tensors/safetensors_header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

namespace lorae {
namespace {

using nlohmann::json;

struct Dtype {
  std::string_view name;
  std::size_t bytes;
};

/// In the order of SafetensorsDtype.
constexpr std::array kDtypes = {Dtype{"F32", 4}, Dtype{"F16", 2}, Dtype{"BF16", 2}, Dtype{"F64", 8},
                                Dtype{"I64", 8}, Dtype{"I32", 4}, Dtype{"I16", 2},  Dtype{"I8", 1},
                                Dtype{"U8", 1},  Dtype{"BOOL", 1}};

constexpr std::size_t kLengthField = sizeof(std::uint64_t);
constexpr std::size_t kLargestHeader = 100U << 20U;  // the reference reader's limit
constexpr std::size_t kMostDimensions = 8;
constexpr std::string_view kMetadataKey = "__metadata__";

void require(bool condition, const std::string& why) {
  if (!condition) {
    throw std::runtime_error(why);
  }
}

std::optional<SafetensorsDtype> dtype_named(const std::string& name) {
  for (std::size_t i = 0; i < kDtypes.size(); ++i) {
    if (kDtypes[i].name == name) {
      return static_cast<SafetensorsDtype>(i);
    }
  }
  return std::nullopt;
}

std::vector<std::int64_t> read_shape(const json& shape, const std::string& name) {
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

const json& part(const json& entry, const std::string& name, const char* key) {
  const auto found = entry.find(key);
  require(found != entry.end(), "'" + name + "': no " + key);
  return *found;
}

/// `data`: bytes behind the header.
SafetensorsEntry read_entry(const json& object, const std::string& name, std::size_t data) {
  require(object.is_object(), "'" + name + "': not an object");
  const json& dtype = part(object, name, "dtype");
  const auto known = dtype.is_string() ? dtype_named(dtype.get<std::string>()) : std::nullopt;
  require(known.has_value(), "'" + name + "': unknown dtype " + dtype.dump());
  SafetensorsEntry entry{
      .name = name, .dtype = *known, .shape = read_shape(part(object, name, "shape"), name)};
  const json& offsets = part(object, name, "data_offsets");
  require(offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() &&
              offsets[1].is_number_unsigned(),
          "'" + name + "': bad data_offsets");
  entry.begin = offsets[0].get<std::size_t>();
  entry.end = offsets[1].get<std::size_t>();
  require(entry.begin <= entry.end && entry.end <= data,
          "'" + name + "': its data lies outside the file");
  const std::size_t bytes = checked_bytes(entry.shape, size_of(entry.dtype), name);
  require(bytes == entry.end - entry.begin,
          str("'", name, "': the shape needs ", bytes, " bytes, the offsets give ",
              entry.end - entry.begin));
  return entry;
}

/// The format wants every data byte to belong to exactly one tensor.
void require_cover(const std::vector<SafetensorsEntry>& entries, std::size_t size) {
  std::vector<std::pair<std::size_t, std::size_t>> slices;
  slices.reserve(entries.size());
  for (const SafetensorsEntry& entry : entries) {
    slices.emplace_back(entry.begin, entry.end);
  }
  std::ranges::sort(slices);
  std::size_t position = 0;
  for (const auto& [begin, end] : slices) {
    require(begin == position, begin < position ? "tensors overlap" : "unused bytes");
    position = end;
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

SafetensorsHeader read_or_throw(ByteView file) {
  std::uint64_t header_size = 0;
  require(file.size() >= kLengthField, "too short");
  std::memcpy(&header_size, file.data(), kLengthField);
  require(header_size <= kLargestHeader && header_size <= file.size() - kLengthField,
          "the header is longer than the file");
  const json text = parse_header(text_of(file.subspan(kLengthField, header_size)));
  const std::size_t start = kLengthField + header_size;
  SafetensorsHeader header;
  for (const auto& [name, object] : text.items()) {
    if (name == kMetadataKey) {
      header.metadata = object.get<Metadata>();
    } else {
      header.entries.push_back(read_entry(object, name, file.size() - start));
    }
  }
  require_cover(header.entries, file.size() - start);
  for (SafetensorsEntry& entry : header.entries) {
    entry.begin += start;
    entry.end += start;
  }
  return header;
}

}  // namespace

std::string_view name_of(SafetensorsDtype dtype) {
  return kDtypes.at(static_cast<std::size_t>(dtype)).name;
}

std::size_t size_of(SafetensorsDtype dtype) {
  return kDtypes.at(static_cast<std::size_t>(dtype)).bytes;
}

Result<SafetensorsHeader> read_safetensors_header(ByteView file) {
  try {
    return read_or_throw(file);
  } catch (const std::exception& error) {  // ours, or nlohmann's for malformed JSON
    return Error(ErrorCode::kCorruptData, str("[safetensors] ", error.what()));
  }
}

Bytes safetensors_header_bytes(const SafetensorsHeader& header) {
  json object = json::object();
  if (!header.metadata.empty()) {
    object[std::string(kMetadataKey)] = header.metadata;
  }
  for (const SafetensorsEntry& entry : header.entries) {
    object[entry.name] = {{"dtype", name_of(entry.dtype)},
                          {"shape", entry.shape},
                          {"data_offsets", {entry.begin, entry.end}}};
  }
  std::string text = object.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t size = text.size();
  Bytes bytes;
  append(bytes, std::as_bytes(std::span(&size, 1)));
  append(bytes, view_of(text));
  return bytes;
}

}  // namespace lorae
