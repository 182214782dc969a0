#include "data/formats/cifar.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "data/text_file.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kChannels = 3;
constexpr std::int64_t kSide = 32;
constexpr std::int64_t kPixels = kChannels * kSide * kSide;
constexpr std::int64_t kRecordsAtOnce = 256;
constexpr std::string_view kFetch = "the file is damaged, fetch it again";

constexpr std::array<std::string_view, 5> kTrain10 = {"data_batch_1.bin", "data_batch_2.bin",
                                                      "data_batch_3.bin", "data_batch_4.bin",
                                                      "data_batch_5.bin"};
constexpr std::array<std::string_view, 1> kTest10 = {"test_batch.bin"};
constexpr std::array<std::string_view, 1> kTrain100 = {"train.bin"};
constexpr std::array<std::string_view, 1> kTest100 = {"test.bin"};
constexpr std::array<std::int64_t, 1> kLabels10 = {10};
constexpr std::array<std::int64_t, 2> kLabels100 = {20, 100};

/// One published version. A record is its label bytes, then the red, green and blue planes.
struct Version {
  std::string_view name;
  std::string_view archive;
  std::string_view names_file;
  std::span<const std::string_view> train;
  std::span<const std::string_view> test;
  std::span<const std::int64_t> labels;  // classes of each label byte; the last one is ours

  std::int64_t classes() const { return labels.back(); }
  std::int64_t record_bytes() const { return std::ssize(labels) + kPixels; }
  std::span<const std::string_view> files(Split split) const {
    return split == Split::kTrain ? train : test;
  }
};

constexpr std::array kVersions = {
    Version{"CIFAR-10", "cifar-10-binary.tar.gz", "batches.meta.txt", kTrain10, kTest10, kLabels10},
    Version{"CIFAR-100", "cifar-100-binary.tar.gz", "fine_label_names.txt", kTrain100, kTest100,
            kLabels100},
};

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool holds(const fs::path& folder, const Version& version) {
  const auto present = [&](std::string_view file) { return is_file(folder / file); };
  return std::ranges::any_of(version.train, present) || std::ranges::any_of(version.test, present);
}

const Version& detect(const fs::path& folder) {
  const Version* found = nullptr;
  for (const Version& version : kVersions) {
    if (holds(folder, version)) {
      check(found == nullptr, ErrorCode::kInvalidConfig, "[data] folder '", folder.string(),
            "' holds both CIFAR-10 and CIFAR-100; give each a folder of its own");
      found = &version;
    }
  }
  check(found != nullptr, ErrorCode::kInvalidConfig, "[data] folder '", folder.string(),
        "' holds no CIFAR: expected data_batch_1.bin ... (CIFAR-10) or train.bin (CIFAR-100); "
        "unpack the binary version, such as ",
        kVersions[0].archive);
  return *found;
}

fs::path existing(const fs::path& folder, std::string_view file, const Version& version) {
  fs::path path = folder / file;
  check(is_file(path), ErrorCode::kInvalidConfig, "[data] no file '", path.string(),
        "', which is part of ", version.name, "; unpack ", version.archive, " again");
  return path;
}

std::vector<std::string> read_names(const fs::path& path, const Version& version) {
  std::ifstream file(path);
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) {
      line.pop_back();
    }
    if (!line.empty()) {  // the original ends with empty lines
      names.push_back(line);
    }
  }
  check(std::ssize(names) == version.classes(), ErrorCode::kCorruptData, "[data] '", path.string(),
        "': expected ", version.classes(), " class names, one per line, got ", names.size(), "; ",
        kFetch);
  return names;
}

std::int64_t count_records(const fs::path& path, const Version& version) {
  const auto bytes = static_cast<std::int64_t>(fs::file_size(path));
  check(bytes > 0 && bytes % version.record_bytes() == 0, ErrorCode::kCorruptData, "[data] '",
        path.string(), "' is no whole number of ", version.name,
        " records: expected a multiple of ", version.record_bytes(), " bytes, got ", bytes, "; ",
        kFetch);
  return bytes / version.record_bytes();
}

/// Where the next record goes.
struct Cursor {
  std::uint8_t* pixels;
  std::int64_t* label;
};

void read_records(const fs::path& path,
                  std::int64_t count,
                  const Version& version,
                  Cursor& cursor) {
  std::ifstream file(path, std::ios::binary);
  check(file.good(), ErrorCode::kInvalidConfig, "[data] cannot read '", path.string(),
        "': ", errno_text());
  // Label bytes sit between the pixels, so records pass through a buffer, a few at a time.
  std::vector<std::uint8_t> buffer(
      static_cast<std::size_t>(std::min(count, kRecordsAtOnce) * version.record_bytes()));
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t records = std::min(count - done, kRecordsAtOnce);
    file.read(reinterpret_cast<char*>(buffer.data()), records * version.record_bytes());
    check(file.good(), ErrorCode::kUnavailable, "[data] '", path.string(),
          "' could not be read to its end: expected ", count, " records, got ",
          done + file.gcount() / version.record_bytes());
    const std::uint8_t* record = buffer.data();
    for (std::int64_t i = 0; i < records; ++i) {
      for (const std::int64_t classes : version.labels) {
        check(*record < classes, ErrorCode::kCorruptData, "[data] '", path.string(),
              "': label of image ", done + i, ": expected one in [0, ", classes, "), got ",
              int{*record}, "; ", kFetch);
        *cursor.label = *record++;
      }
      std::memcpy(cursor.pixels, record, kPixels);
      record += kPixels;
      cursor.pixels += kPixels;
      ++cursor.label;
    }
    done += records;
  }
}

}  // namespace

bool holds_cifar(const fs::path& folder) {
  return std::ranges::any_of(kVersions,
                             [&](const Version& version) { return holds(folder, version); });
}

std::vector<std::string> cifar_classes(const fs::path& folder) {
  const Version& version = detect(folder);
  return read_names(existing(folder, version.names_file, version), version);
}

std::vector<std::string> cifar_domains(const fs::path& folder, Split split) {
  const Version& version = detect(folder);
  std::vector<std::string> domains;
  if (version.labels.size() < 2) {
    return domains;
  }
  const auto text = read_text(folder / "coarse_label_names.txt");
  const std::vector<std::string> names = text.ok() ? names_in(*text) : std::vector<std::string>{};
  for (const std::string_view name : version.files(split)) {
    const fs::path path = existing(folder, name, version);
    const std::int64_t count = count_records(path, version);
    std::ifstream file(path, std::ios::binary);
    std::vector<char> record(static_cast<std::size_t>(version.record_bytes()));
    for (std::int64_t i = 0; i < count && file.read(record.data(), std::ssize(record)); ++i) {
      const auto coarse = static_cast<std::uint8_t>(record.front());
      domains.push_back(coarse < names.size() ? names[coarse] : str(int{coarse}));
    }
  }
  return domains;
}

ImageSet load_cifar(const fs::path& folder, Split split) {
  const Version& version = detect(folder);
  ImageSet set;
  set.classes = cifar_classes(folder);
  std::vector<std::int64_t> counts;
  std::int64_t total = 0;
  for (const std::string_view file : version.files(split)) {
    counts.push_back(count_records(existing(folder, file, version), version));
    total += counts.back();
  }
  set.images = torch::empty({total, kChannels, kSide, kSide}, torch::kUInt8);
  set.labels = torch::empty({total}, torch::kInt64);
  Cursor cursor{set.images.data_ptr<std::uint8_t>(), set.labels.data_ptr<std::int64_t>()};
  for (std::size_t i = 0; i < counts.size(); ++i) {
    read_records(folder / version.files(split)[i], counts[i], version, cursor);
  }
  return set;
}

}  // namespace lorae::data
