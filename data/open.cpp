#include "data/open.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "data/cifar.h"
#include "data/fashion_mnist.h"
#include "data/image_folder.h"
#include "data/in_parallel.h"
#include "data/loader.h"
#include "tensors/threads.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAccepted =
    "expected a folder with Fashion-MNIST's IDX files (train-images-idx3-ubyte.gz ...), with "
    "CIFAR-10's or CIFAR-100's binary files (data_batch_1.bin ..., train.bin), or with one "
    "sub-folder of images per class";

struct Format {
  bool (*is_in)(const fs::path&);
  DatasetPtr (*open)(const fs::path&, std::int64_t channels, Split, Holding);
  std::vector<std::string> (*classes)(const fs::path&, Holding);
};

/// A format that is read into memory as a whole, in the channels that it has.
template <bool (*is_in)(const fs::path&),
          ImageSet (*load)(const fs::path&, Split),
          std::vector<std::string> (*classes)(const fs::path&)>
constexpr Format whole() {
  return {is_in,
          [](const fs::path& path, std::int64_t, Split split, Holding) {
            return memory_dataset(load(path, split));
          },
          [](const fs::path& path, Holding) { return classes(path); }};
}

constexpr Format kFolder = {nullptr, &open_image_folder, &image_folder_classes};

// A new format is a file of its own and one line here: docs/adding_a_dataset.md.
constexpr std::array kFormats = {
    whole<holds_fashion_mnist, load_fashion_mnist, idx_classes>(),
    whole<holds_cifar, load_cifar, cifar_classes>(),
};

const Format* format_in(const fs::path& path) {
  const auto found =
      std::ranges::find_if(kFormats, [&](const Format& format) { return format.is_in(path); });
  return found == kFormats.end() ? nullptr : &*found;
}

const Format& format_of(const fs::path& path) {
  std::error_code status;
  const bool exists = fs::exists(path, status);
  check(!status, ErrorCode::kInvalidConfig, "[data] cannot look at '", path.string(),
        "': ", status.message());
  check(exists, ErrorCode::kInvalidConfig, "[data] '", path.string(),
        "' does not exist: ", kAccepted);
  check(fs::is_directory(path, status), ErrorCode::kInvalidConfig, "[data] '", path.string(),
        "' is a file: ", kAccepted);
  if (const Format* format = format_in(path)) {
    return *format;
  }
  const std::vector<fs::path> folders = sub_folders(path);
  // The folder above cifar-10-batches-bin would otherwise pass for one class of pictures.
  for (const fs::path& folder : folders) {
    check(format_in(folder) == nullptr, ErrorCode::kInvalidConfig, "[data] '", path.string(),
          "' holds no images itself; did you mean '", folder.string(), "'?");
  }
  check(!folders.empty(), ErrorCode::kInvalidConfig, "[data] '", path.string(),
        "' holds no data set: ", kAccepted);
  return kFolder;
}

std::int64_t workers_here() {
  return std::min<std::int64_t>(core_count(), 8);
}

}  // namespace

DatasetPtr open_dataset(const fs::path& path, std::int64_t channels, Split split, Holding holding) {
  return format_of(path).open(path, channels, split, holding);
}

DatasetPtr without_damaged(DatasetPtr from) {
  if (from->in_memory() != nullptr) {
    return from;
  }
  std::vector<std::string> complaints(static_cast<std::size_t>(from->size()));
  in_parallel(from->size(), [&](std::int64_t i) {
    try {
      from->get(i);
    } catch (const Error& error) {
      complaints[static_cast<std::size_t>(i)] = error.what();
    }
  });
  constexpr std::int64_t kNamed = 3;
  std::vector<std::int64_t> sound;
  std::string named;
  std::int64_t damaged = 0;
  for (std::int64_t i = 0; i < from->size(); ++i) {
    const std::string& complaint = complaints[static_cast<std::size_t>(i)];
    if (complaint.empty()) {
      sound.push_back(i);
    } else if (damaged++ < kNamed) {
      named += "; " + complaint;
    }
  }
  if (damaged == 0) {
    return from;
  }
  check(!sound.empty(), ErrorCode::kCorruptData, "[data] none of ", damaged,
        " images can be decoded", named);
  log_warning("data.damaged", "left out ", damaged, " of ", from->size(), " images", named);
  return subset(std::move(from), std::move(sound));
}

DatasetPtr held_if_small(DatasetPtr from, ImageShape shape, std::int64_t limit) {
  const ImageSet* images = from->in_memory();
  const std::int64_t bytes = shape.channels * shape.height * shape.width * from->size();
  if (from->size() == 0 || bytes > limit || (images != nullptr && images->shape() == shape)) {
    return from;
  }
  Loader loader(
      from, {.shape = shape, .batch_size = 64, .shuffle = false, .workers = workers_here()}, {});
  ImageSet held{
      torch::empty({from->size(), shape.channels, shape.height, shape.width}, torch::kUInt8),
      torch::tensor(labels_of(*from), torch::kInt64), from->classes()};
  std::int64_t done = 0;
  while (const auto batch = loader.next()) {
    held.images.slice(0, done, done + batch->size()).copy_(batch->images);
    done += batch->size();
  }
  return memory_dataset(std::move(held));
}

std::vector<std::string> class_names(const fs::path& path, Holding holding) {
  return format_of(path).classes(path, holding);
}

}  // namespace lorae::data
