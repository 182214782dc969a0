// Any bytes as a weights file: refused with an error, or every entry lies in the file, fits its
// shape and overlaps no other; and a header that was read can be written and read again.
#include <cstdlib>
#include <map>

#include "tensors/safetensors_header.h"

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void check_entries(const lorae::SafetensorsHeader& header, std::size_t file_size) {
  std::map<std::size_t, std::size_t> covered;
  for (const lorae::SafetensorsEntry& entry : header.entries) {
    require(entry.begin <= entry.end && entry.end <= file_size);
    std::size_t numbers = 1;
    for (const std::int64_t size : entry.shape) {
      require(size >= 0);
      numbers *= static_cast<std::size_t>(size);
    }
    require(!entry.unknown.empty() || numbers * size_of(entry.dtype) == entry.end - entry.begin);
    if (entry.begin < entry.end) {
      require(covered.emplace(entry.begin, entry.end).second);
    }
  }
  std::size_t position = covered.empty() ? 0 : covered.begin()->first;
  for (const auto& [begin, end] : covered) {
    require(begin == position);
    position = end;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lorae::ByteView file(reinterpret_cast<const std::byte*>(data), size);
  auto header = lorae::read_safetensors_header(file);
  if (!header.ok()) {
    require(header.error().code() == lorae::ErrorCode::kCorruptData);
    return 0;
  }
  check_entries(*header, size);
  const std::size_t start = header->entries.empty() ? size : [&] {
    std::size_t first = size;
    for (const auto& entry : header->entries) {
      first = std::min(first, entry.begin);
    }
    return first;
  }();
  for (lorae::SafetensorsEntry& entry : header->entries) {
    entry.begin -= start;
    entry.end -= start;
  }
  lorae::Bytes again = lorae::safetensors_header_bytes(*header);
  lorae::append(again, file.subspan(start));
  const auto reread = lorae::read_safetensors_header(again);
  require(reread.ok() && reread->entries.size() == header->entries.size() &&
          reread->metadata == header->metadata);
  return 0;
}
