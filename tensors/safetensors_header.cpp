#include "tensors/safetensors_header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/text.h"

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
  const auto word = dtype.is_string() ? dtype.get<std::string>() : "";
  require(!word.empty(), "'" + name + "': unknown dtype " + dtype.dump());
  const auto known = dtype_named(word);
  SafetensorsEntry entry{.name = name,
                         .dtype = known.value_or(SafetensorsDtype::kF32),
                         .shape = read_shape(part(object, name, "shape"), name),
                         .unknown = known ? "" : word};
  const json& offsets = part(object, name, "data_offsets");
  require(offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() &&
              offsets[1].is_number_unsigned(),
          "'" + name + "': bad data_offsets");
  entry.begin = offsets[0].get<std::size_t>();
  entry.end = offsets[1].get<std::size_t>();
  require(entry.begin <= entry.end && entry.end <= data,
          "'" + name + "': its data lies outside the file");
  const std::size_t bytes = checked_bytes(entry.shape, size_of(entry.dtype), name);
  require(!known || bytes == entry.end - entry.begin,
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

/// Reads JSON for its keys alone: nlohmann keeps the last of two equal ones silently, and a hostile
/// file must not hide one so. (Its parser with a callback would tell, but takes quadratic time.)
class UniqueKeys final : public nlohmann::json_sax<json> {
 public:
  bool key(std::string& name) override {
    require(names_.back().insert(name).second, "the name " + json(name).dump() + " comes twice");
    return true;
  }
  bool start_object(std::size_t /*size*/) override {
    names_.emplace_back();
    return true;
  }
  bool end_object() override {
    names_.pop_back();
    return true;
  }
  bool parse_error(std::size_t position,
                   const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    throw std::runtime_error(str("the header is no JSON, from its byte ", position, " on"));
  }
  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(std::int64_t /*value*/) override { return true; }
  bool number_unsigned(std::uint64_t /*value*/) override { return true; }
  bool number_float(double /*value*/, const std::string& /*text*/) override { return true; }
  bool string(std::string& /*value*/) override { return true; }
  bool binary(json::binary_t& /*value*/) override { return true; }
  bool start_array(std::size_t /*size*/) override { return true; }
  bool end_array() override { return true; }

 private:
  std::vector<std::set<std::string>> names_;  // of the objects that are open
};

json parse_header(std::string_view text) {
  // nlohmann stops at a zero byte as if the text ended there; nothing may hide behind one.
  require(text.find('\0') == std::string_view::npos, "a zero byte in the header");
  UniqueKeys keys;
  json::sax_parse(text, &keys);
  json header = json::parse(text);
  require(header.is_object(), "the header is not an object");
  return header;
}

Metadata read_metadata(const json& object) {
  require(object.is_object(), "the metadata is not an object");
  Metadata metadata;
  for (const auto& [key, value] : object.items()) {
    require(value.is_string(), "the metadata '" + key + "' is not text");
    metadata[key] = value.get<std::string>();
  }
  return metadata;
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
      header.metadata = read_metadata(object);
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

std::string_view SafetensorsEntry::dtype_name() const {
  return unknown.empty() ? name_of(dtype) : unknown;
}

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

std::string other_format(ByteView file) {
  constexpr std::size_t kLook = 256;
  const std::string_view start = text_of(file.first(std::min(file.size(), kLook)));
  const std::string lower = lower_case(start.substr(std::min(
      start.find_first_not_of(" \t\r\n\xef\xbb\xbf"), start.size())));  // BOM and blanks off
  const auto begins = [&](std::string_view magic) { return start.starts_with(magic); };
  constexpr std::string_view kExport =
      "turn it into safetensors with scripts/export_weights.py, or safetensors.torch.save_file";
  if (begins("version https://git-lfs.github.com")) {
    return "it is a Git LFS pointer, not the file that it points to: run 'git lfs pull' where it "
           "was cloned, or download the file itself";
  }
  if (begins("PK\x03\x04")) {
    return str("it is a zip archive, as PyTorch's .pt and .pth files are: ", kExport);
  }
  if (begins("\x80") && start.size() > 1 && start[1] >= 2 && start[1] <= 5) {
    return str("it is a Python pickle, as old .pt and .pth files are: ", kExport);
  }
  if (begins("\x89HDF\r\n")) {
    return str("it is an HDF5 file, as Keras writes: load it there, and ", kExport);
  }
  if (begins("GGUF")) {
    return "it is a GGUF file, which holds weights of language models: expected safetensors";
  }
  if (begins("\x1f\x8b") || begins("\x28\xb5\x2f\xfd")) {
    return "it is compressed: unpack it first, with gzip -d or zstd -d";
  }
  if (lower.starts_with("<!doctype html") || lower.starts_with("<html") ||
      lower.starts_with("<?xml")) {
    return "it is a web page, as a server sends in place of a file that it does not give: download "
           "it again, from the link to the file itself";
  }
  if (lower.starts_with('{')) {
    return "it is JSON, maybe the index of a model in several files: expected one safetensors file";
  }
  return {};
}

Bytes safetensors_header_bytes(const SafetensorsHeader& header) {
  json object = json::object();
  if (!header.metadata.empty()) {
    object[std::string(kMetadataKey)] = header.metadata;
  }
  for (const SafetensorsEntry& entry : header.entries) {
    object[entry.name] = {{"dtype", entry.dtype_name()},
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
