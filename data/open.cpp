#include "data/open.h"

#include <string_view>

#include "base/error.h"
#include "data/cifar.h"
#include "data/fashion_mnist.h"
#include "data/image_folder.h"

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

ImageSet load(const fs::path& path, ImageShape wanted, Split split, Holding holding) {
  switch (format_of(path)) {
    case Format::kIdx:
      return load_fashion_mnist(path, split);
    case Format::kCifar:
      return load_cifar(path, split);
    default:
      return load_image_folder(path, wanted, split, holding);
  }
}

}  // namespace

ImageSet open_image_set(const fs::path& path, ImageShape wanted, Split split, Holding holding) {
  ImageSet set = load(path, wanted, split, holding);
  check(set.shape() == wanted, ErrorCode::kIncompatible, "[data] '", path.string(), "' holds ",
        set.shape(), " images, the model takes ", wanted);
  return set;
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
