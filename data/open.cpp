#include "data/open.h"

#include <algorithm>
#include <string_view>
#include <thread>

#include "base/error.h"
#include "data/cifar.h"
#include "data/fashion_mnist.h"
#include "data/image_folder.h"
#include "data/loader.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAccepted =
    "expected a folder with Fashion-MNIST's IDX files (train-images-idx3-ubyte.gz ...), with "
    "CIFAR-10's or CIFAR-100's binary files (data_batch_1.bin ..., train.bin), or with one "
    "sub-folder of images per class";

enum class Format { kIdx, kCifar, kFolder };

Format format_of(const fs::path& path) {
  std::error_code status;
  check(fs::exists(path, status), ErrorCode::kInvalidConfig, "[data] '", path.string(),
        "' does not exist: ", kAccepted);
  check(fs::is_directory(path, status), ErrorCode::kInvalidConfig, "[data] '", path.string(),
        "' is a file: ", kAccepted);
  if (holds_fashion_mnist(path)) {
    return Format::kIdx;
  }
  if (holds_cifar(path)) {
    return Format::kCifar;
  }
  const std::vector<fs::path> folders = sub_folders(path);
  // The folder above cifar-10-batches-bin would otherwise pass for one class of pictures.
  for (const fs::path& folder : folders) {
    check(!holds_fashion_mnist(folder) && !holds_cifar(folder), ErrorCode::kInvalidConfig,
          "[data] '", path.string(), "' holds no images itself; did you mean '", folder.string(),
          "'?");
  }
  check(!folders.empty(), ErrorCode::kInvalidConfig, "[data] '", path.string(),
        "' holds no data set: ", kAccepted);
  return Format::kFolder;
}

}  // namespace

DatasetPtr open_dataset(const fs::path& path, std::int64_t channels, Split split, Holding holding) {
  switch (format_of(path)) {
    case Format::kIdx:
      return memory_dataset(load_fashion_mnist(path, split));
    case Format::kCifar:
      return memory_dataset(load_cifar(path, split));
    default:
      return open_image_folder(path, channels, split, holding);
  }
}

DatasetPtr held_if_small(DatasetPtr from, ImageShape shape, std::int64_t limit) {
  const ImageSet* images = from->in_memory();
  const std::int64_t bytes = shape.channels * shape.height * shape.width * from->size();
  if (from->size() == 0 || bytes > limit || (images != nullptr && images->shape() == shape)) {
    return from;
  }
  const std::int64_t workers = std::clamp<std::int64_t>(std::thread::hardware_concurrency(), 1, 8);
  Loader loader(from, {.shape = shape, .batch_size = 64, .shuffle = false, .workers = workers}, {});
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
  switch (format_of(path)) {
    case Format::kIdx:
      return fashion_mnist_classes();
    case Format::kCifar:
      return cifar_classes(path);
    default:
      return image_folder_classes(path, holding);
  }
}

}  // namespace lorae::data
