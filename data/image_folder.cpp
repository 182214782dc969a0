#include "data/image_folder.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <opencv2/core.hpp>
#include <opencv2/core/utility.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <string_view>

#include "base/atomic_file.h"
#include "base/bytes.h"
#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 11> kEndings = {
    ".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pnm", ".jp2"};

/// The visible entries of a folder, sorted by name so that labels and indices never depend on the
/// file system.
std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code status;
  for (fs::directory_iterator it(folder, status), end; !status && it != end; it.increment(status)) {
    if (!it->path().filename().string().starts_with('.')) {
      paths.push_back(it->path());
    }
  }
  std::ranges::sort(paths, {}, [](const fs::path& path) { return path.filename().string(); });
  return paths;
}

bool is_picture(const fs::path& path) {
  std::string ending = path.extension().string();
  for (char& letter : ending) {
    letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  }
  std::error_code ignored;
  return std::ranges::find(kEndings, ending) != kEndings.end() &&
         fs::is_regular_file(path, ignored);
}

std::vector<fs::path> pictures(const fs::path& class_folder) {
  std::vector<fs::path> files = entries(class_folder);
  std::erase_if(files, [](const fs::path& path) { return !is_picture(path); });
  return files;
}

std::vector<std::string> class_names(const fs::path& folder, Holding holding) {
  std::vector<std::string> names;
  for (const fs::path& path : sub_folders(folder)) {
    if (holding == Holding::kWhole || !pictures(path).empty()) {
      names.push_back(path.filename().string());
    }
  }
  check(!names.empty(), ErrorCode::kInvalidConfig, "[data] '", folder.string(),
        "' has no class folder", holding == Holding::kPart ? " with images" : "",
        ": expected one sub-folder of images per class");
  check(holding == Holding::kPart || names.size() >= 2, ErrorCode::kInvalidConfig, "[data] '",
        folder.string(), "' has one class folder, '", names.front(),
        "': expected at least 2 classes");
  return names;
}

/// The folder that holds the class folders of one half.
struct Half {
  fs::path root;
  std::vector<std::string> classes;
};

Half find_half(const fs::path& folder, Split split, Holding holding) {
  const auto holds_classes = [&](std::string_view name) {
    return !sub_folders(folder / name).empty();
  };
  const bool has_train = holds_classes("train");
  const bool has_test = holds_classes("test");
  const bool has_val = holds_classes("val");
  if (!has_train && !has_test && !has_val) {
    std::vector<std::string> classes = class_names(folder, holding);
    check(split == Split::kTrain, ErrorCode::kInvalidConfig, "[data] '", folder.string(),
          "' has no test images: expected sub-folders 'train' and 'test' (or 'val') that hold the "
          "class folders, got class folders only");
    return {folder, std::move(classes)};
  }
  check(has_train, ErrorCode::kInvalidConfig, "[data] '", folder.string(),
        "' has no training images: expected class folders in '", (folder / "train").string(), "'");
  Half half{folder / "train", class_names(folder / "train", holding)};
  if (split == Split::kTrain) {
    return half;
  }
  check(has_test || has_val, ErrorCode::kInvalidConfig, "[data] '", folder.string(),
        "' has no test images: expected class folders in '", (folder / "test").string(),
        "' or in 'val' beside it");
  half.root = folder / (has_test ? "test" : "val");
  for (const fs::path& path : sub_folders(half.root)) {
    check(std::ranges::binary_search(half.classes, path.filename().string()),
          ErrorCode::kInvalidConfig, "[data] class folder '", path.string(),
          "' has no counterpart in 'train', so its images have no label");
  }
  return half;
}

/// True if `file` is a JPEG that stops before its end marker: libjpeg would paint the missing part
/// grey and succeed. Searches behind the headers, since a thumbnail in them has an end of its own.
bool is_cut_off_jpeg(ByteView file) {
  const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(file[i]); };
  if (file.size() < 2 || at(0) != 0xFF || at(1) != 0xD8) {
    return false;
  }
  for (std::size_t i = 2; i + 4 <= file.size();) {
    if (at(i) != 0xFF) {
      return false;  // no marker where one belongs: the decoder's business
    }
    const unsigned marker = at(i + 1);
    if (marker == 0xDA) {  // start of scan; in its data 0xFF 0xD9 can only be the end
      return text_of(file).find("\xFF\xD9", i) == std::string_view::npos;
    }
    i += marker == 0xFF ? 1 : 2 + at(i + 2) * 256 + at(i + 3);
  }
  return true;
}

/// The picture in a file; empty if there is none.
cv::Mat decode(const fs::path& path, std::int64_t channels) {
  try {
    Bytes file = read_file(path);
    if (file.size() > std::numeric_limits<int>::max() || is_cut_off_jpeg(file)) {
      return {};
    }
    const cv::Mat bytes(1, static_cast<int>(file.size()), CV_8UC1, file.data());
    return cv::imdecode(bytes, channels == 3 ? cv::IMREAD_COLOR : cv::IMREAD_GRAYSCALE);
  } catch (const Error&) {
    return {};  // not readable
  } catch (const cv::Exception&) {
    return {};  // OpenCV throws for empty files and for sizes beyond its limits
  }
}

/// Decodes, stretches and stores one picture; false if it cannot be decoded.
bool read_picture(const fs::path& path, ImageShape shape, std::uint8_t* pixels) {
  cv::Mat picture = decode(path, shape.channels);
  if (picture.empty()) {
    return false;
  }
  const cv::Size size(static_cast<int>(shape.width), static_cast<int>(shape.height));
  if (picture.size() != size) {
    cv::Mat resized;
    cv::resize(picture, resized, size, 0, 0, cv::INTER_AREA);
    picture = std::move(resized);
  }
  // Headers over the tensor's planes: OpenCV's blue, green, red land in reverse order.
  const std::int64_t plane = shape.height * shape.width;
  std::vector<cv::Mat> planes;
  for (std::int64_t channel = shape.channels - 1; channel >= 0; --channel) {
    planes.emplace_back(size, CV_8UC1, pixels + channel * plane);
  }
  cv::split(picture, planes);
  return true;
}

at::Tensor read_pictures(const std::vector<fs::path>& paths, ImageShape shape) {
  const std::int64_t count = std::ssize(paths);
  check(count <= std::numeric_limits<int>::max(), ErrorCode::kInvalidConfig, "[data] ", count,
        " images are more than one image folder may hold");
  at::Tensor images =
      torch::empty({count, shape.channels, shape.height, shape.width}, torch::kUInt8);
  auto* const pixels = images.data_ptr<std::uint8_t>();
  const std::int64_t stride = shape.channels * shape.height * shape.width;
  std::atomic<std::int64_t> first_bad = count;
  cv::parallel_for_(cv::Range(0, static_cast<int>(count)), [&](const cv::Range& range) {
    for (std::int64_t i = range.start; i < range.end && i < first_bad; ++i) {
      if (!read_picture(paths[static_cast<std::size_t>(i)], shape, pixels + i * stride)) {
        // Always the first bad one, whatever the threads do.
        std::int64_t known = first_bad;
        while (i < known && !first_bad.compare_exchange_weak(known, i)) {
        }
      }
    }
  });
  check(first_bad == count, ErrorCode::kCorruptData, "[data] cannot decode image '",
        first_bad < count ? paths[static_cast<std::size_t>(first_bad)].string() : "",
        "'; replace it, or remove it from the folder");
  return images;
}

}  // namespace

std::vector<fs::path> sub_folders(const fs::path& folder) {
  std::vector<fs::path> paths = entries(folder);
  std::erase_if(paths, [](const fs::path& path) {
    std::error_code ignored;
    return !fs::is_directory(path, ignored);
  });
  return paths;
}

std::vector<std::string> image_folder_classes(const fs::path& folder, Holding holding) {
  return find_half(folder, Split::kTrain, holding).classes;
}

ImageSet load_image_folder(const fs::path& folder, ImageShape shape, Split split, Holding holding) {
  check(shape.channels == 1 || shape.channels == 3, ErrorCode::kIncompatible, "[data] '",
        folder.string(), "' holds pictures: expected a model of 1 or 3 channels, got ", shape);
  check(shape.height > 0 && shape.width > 0, ErrorCode::kInvalidArgument,
        "[data] image size: expected positive sides, got ", shape);
  Half half = find_half(folder, split, holding);
  std::vector<fs::path> paths;
  std::vector<std::int64_t> labels;
  for (std::size_t label = 0; label < half.classes.size(); ++label) {
    const fs::path class_folder = half.root / half.classes[label];
    std::error_code ignored;
    if (!fs::is_directory(class_folder, ignored)) {
      continue;  // a class of train that the test half does not show
    }
    std::vector<fs::path> files = pictures(class_folder);
    check(!files.empty(), ErrorCode::kInvalidConfig, "[data] class folder '", class_folder.string(),
          "' holds no image: expected .jpg, .png, .bmp, .webp or the like");
    labels.insert(labels.end(), files.size(), static_cast<std::int64_t>(label));
    std::ranges::move(files, std::back_inserter(paths));
  }
  return {read_pictures(paths, shape), torch::tensor(labels, torch::kInt64),
          std::move(half.classes)};
}

}  // namespace lorae::data
