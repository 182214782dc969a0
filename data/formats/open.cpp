#include "data/formats/open.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

#include "base/cpu.h"
#include "base/error.h"
#include "base/in_parallel.h"
#include "base/log.h"
#include "base/text.h"
#include "data/domains.h"
#include "data/formats/cifar.h"
#include "data/formats/coco.h"
#include "data/formats/fashion_mnist.h"
#include "data/formats/file_dataset.h"
#include "data/formats/image_folder.h"
#include "data/formats/index_file.h"
#include "data/formats/masks.h"
#include "data/formats/voc.h"
#include "data/formats/wheat.h"
#include "data/formats/yolo.h"
#include "data/loader.h"
#include "data/picture_files.h"
#include "data/preparation.h"
#include "tensors/threads.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAccepted =
    "expected a folder with Fashion-MNIST's IDX files (train-images-idx3-ubyte.gz ...), with "
    "CIFAR-10's or CIFAR-100's binary files (data_batch_1.bin ..., train.bin), with a YOLO set's "
    "data.yaml, with PASCAL VOC's JPEGImages and Annotations, with COCO's "
    "annotations/instances_train.json, with images and masks, with GlobalWheat2020's train.csv, or "
    "with one sub-folder of images per class";

/// `open` gives the pictures; or, of sets of objects and masks, `find` finds their labels.
struct Format {
  bool (*is_in)(const fs::path&);
  DatasetPtr (*open)(const fs::path&, std::int64_t channels, Split, const OpenOptions&);
  std::vector<std::string> (*classes)(const fs::path&, const OpenOptions&);
  Half (*find)(const fs::path&, Split, const OpenOptions&) = nullptr;
  std::string_view name = {};  ///< of those with `find`: part of their index's key
};

/// A format that is read into memory as a whole, in the channels that it has.
template <bool (*is_in)(const fs::path&),
          ImageSet (*load)(const fs::path&, Split),
          std::vector<std::string> (*classes)(const fs::path&)>
constexpr Format whole() {
  return {is_in,
          [](const fs::path& path, std::int64_t, Split split, const OpenOptions&) {
            return memory_dataset(load(path, split));
          },
          [](const fs::path& path, const OpenOptions&) { return classes(path); }};
}

constexpr Format kCifar = {
    &holds_cifar,
    [](const fs::path& path, std::int64_t, Split split, const OpenOptions&) {
      auto domains = cifar_domains(path, split);
      auto set = memory_dataset(load_cifar(path, split));
      return domains.empty() ? set : with_domains(std::move(set), std::move(domains));
    },
    [](const fs::path& path, const OpenOptions&) { return cifar_classes(path); }};

constexpr Format kFolder = {nullptr, &open_image_folder, &image_folder_classes};

// A new format is a file of its own and one line here: docs/adding_a_dataset.md.
constexpr std::array kFormats = {
    whole<holds_fashion_mnist, load_fashion_mnist, idx_classes>(),
    kCifar,
    Format{&holds_wheat, nullptr, &wheat_classes, &find_wheat, "wheat"},
    Format{&holds_yolo, nullptr, &yolo_classes, &find_yolo, "yolo"},
    Format{&holds_voc, nullptr, &voc_classes, &find_voc, "voc"},
    Format{&holds_coco, nullptr, &coco_classes, &find_coco, "coco"},
    Format{&holds_masks, nullptr, &mask_classes, &find_masks, "masks"},
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
  if (const Format* format = format_in(path)) {
    return *format;
  }
  check(fs::is_directory(path, status), ErrorCode::kInvalidConfig, "[data] '", path.string(),
        "' is a file: ", kAccepted);
  const std::vector<fs::path> folders = sub_folders(path);
  // The folder above cifar-10-batches-bin would otherwise pass for one class of pictures.
  // To look into a thousand class folders would take longer than to open them.
  constexpr std::size_t kFew = 20;
  for (const fs::path& folder : folders.size() <= kFew ? folders : std::vector<fs::path>{}) {
    check(format_in(folder) == nullptr, ErrorCode::kInvalidConfig, "[data] '", path.string(),
          "' holds no images itself; did you mean '", folder.string(), "'?");
  }
  check(!folders.empty(), ErrorCode::kInvalidConfig, "[data] '", path.string(),
        "' holds no data set: ", kAccepted);
  return kFolder;
}

/// The labels of a half, by way of the index of an earlier time.
std::shared_ptr<const Known> labels_by(const Format& format,
                                       const fs::path& path,
                                       Split split,
                                       const OpenOptions& options) {
  const std::string key =
      str(format.name, '\n', fs::absolute(path).string(), '\n', static_cast<int>(split), '\n',
          name_of(options.halves), '\n', join(options.names, "\n"));
  return std::make_shared<const Known>(
      indexed(index_folder(), key, [&] { return format.find(path, split, options); }));
}

std::int64_t workers_here() {
  return std::min<std::int64_t>(core_count(), 8);
}

}  // namespace

DatasetPtr open_dataset(const fs::path& path,
                        std::int64_t channels,
                        Split split,
                        const OpenOptions& options) {
  const Format& format = format_of(path);
  if (format.find == nullptr) {
    return format.open(path, channels, split, options);
  }
  auto known = labels_by(format, path, split, options);
  act_on(*known, options.damaged, path);
  return file_dataset(std::move(known), channels);
}

std::shared_ptr<const Known> known_labels(const fs::path& path,
                                          Split split,
                                          const OpenOptions& options) {
  const Format& format = format_of(path);
  return format.find == nullptr ? nullptr : labels_by(format, path, split, options);
}

DatasetPtr without_damaged(DatasetPtr from) {
  if (from->in_memory() != nullptr) {
    return from;
  }
  std::vector<std::string> complaints(static_cast<std::size_t>(from->size()));
  in_parallel(
      from->size(),
      [&](std::int64_t i) {
        try {
          from->get(i);
        } catch (const Error& error) {
          complaints[static_cast<std::size_t>(i)] = error.what();
        }
      },
      keep_to_this_thread);
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
  if (from->annotation() != Annotation::kClass) {
    return held_at_side(std::move(from), std::max(shape.height, shape.width), limit);
  }
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
  std::vector<std::int64_t> all(static_cast<std::size_t>(from->size()));
  std::iota(all.begin(), all.end(), 0);
  return with_domains_of(*from, all, memory_dataset(std::move(held)));
}

std::vector<std::string> class_names(const fs::path& path, const OpenOptions& options) {
  return format_of(path).classes(path, options);
}

}  // namespace lorae::data
