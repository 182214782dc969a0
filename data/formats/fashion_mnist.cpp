#include "data/formats/fashion_mnist.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

constexpr std::array kClasses = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                 "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
constexpr std::uint32_t kImagesMagic = 0x00000803;  // unsigned bytes, 3 dimensions
constexpr std::uint32_t kLabelsMagic = 0x00000801;  // unsigned bytes, 1 dimension
constexpr std::int64_t kMaxSide = 4096;
constexpr std::int64_t kMaxInflation = 1032;  // deflate cannot compress better than 1032:1
constexpr std::int64_t kReadAtOnce = 1 << 24;
constexpr unsigned kBufferSize = 1 << 17;
constexpr std::string_view kFetch = "the file is damaged, fetch it again";

std::string_view prefix(Split split) {
  return split == Split::kTrain ? "train" : "t10k";
}

fs::path images_file(const fs::path& folder, Split split) {
  return folder / str(prefix(split), "-images-idx3-ubyte");
}

fs::path labels_file(const fs::path& folder, Split split) {
  return folder / str(prefix(split), "-labels-idx1-ubyte");
}

/// The file that `plain` names, under any of the names that people's copies have: also with ".idx"
/// for "-idx", in a folder of its own name, and with .gz; nothing if there is none.
std::optional<fs::path> find(const fs::path& plain) {
  const std::string name = plain.filename().string();
  const std::string dotted = std::string(name).replace(name.rfind("-idx"), 1, ".");
  for (const fs::path& base : {plain, plain.parent_path() / dotted, plain / name, plain / dotted,
                               plain.parent_path() / dotted / dotted}) {
    for (const char* ending : {"", ".gz"}) {
      fs::path path = base.string() + ending;
      std::error_code ignored;
      if (fs::is_regular_file(path, ignored)) {
        return path;
      }
    }
  }
  return std::nullopt;
}

/// An IDX file, inflated on the fly; every complaint names it.
class IdxFile {
 public:
  explicit IdxFile(const fs::path& plain) {
    const std::optional<fs::path> found = find(plain);
    check(found.has_value(), ErrorCode::kInvalidConfig, "[data] no file '", plain.string(),
          "' nor '", plain.filename().string(),
          ".gz' beside it; apt install dataset-fashion-mnist puts them into "
          "/usr/share/datasets/fashion-mnist");
    name_ = found->string();
    stored_bytes_ = static_cast<std::int64_t>(fs::file_size(*found));
    file_ = ::gzopen(found->c_str(), "rb");
    check(file_ != nullptr, ErrorCode::kInvalidConfig, "[data] cannot read '", name_,
          "': ", errno_text());
    ::gzbuffer(file_, kBufferSize);
  }
  ~IdxFile() { ::gzclose(file_); }
  IdxFile(const IdxFile&) = delete;
  IdxFile& operator=(const IdxFile&) = delete;

  const std::string& name() const { return name_; }

  void read(std::uint8_t* to, std::int64_t size, std::string_view what) {
    std::int64_t done = 0;
    while (done < size) {
      const std::int64_t wanted = std::min(size - done, kReadAtOnce);
      const int got = ::gzread(file_, to + done, static_cast<unsigned>(wanted));
      done += std::max(got, 0);
      if (got < wanted) {
        fail_if_damaged();
        fail(ErrorCode::kCorruptData, "[data] '", name_, "' ends early: expected ", size,
             " bytes of ", what, ", got ", done, "; ", kFetch);
      }
    }
  }

  std::int64_t read_number(std::string_view what) {
    std::array<std::uint8_t, 4> bytes{};
    read(bytes.data(), bytes.size(), what);
    std::int64_t number = 0;
    for (const std::uint8_t byte : bytes) {
      number = number * 256 + byte;  // big-endian
    }
    return number;
  }

  void expect_magic(std::uint32_t expected, std::string_view what) {
    const std::int64_t magic = read_number("header");
    check(magic == expected, ErrorCode::kCorruptData, "[data] '", name_, "' is not an IDX file of ",
          what, ": expected magic number ", expected, ", got ", magic, "; ", kFetch);
  }

  /// Refuses sizes that this file cannot hold, before anybody allocates them.
  void expect_room(std::int64_t size) const {
    check(size > 0 && size / kMaxInflation <= stored_bytes_, ErrorCode::kCorruptData, "[data] '",
          name_, "' claims to hold ", size, " bytes of data in a file of ", stored_bytes_, "; ",
          kFetch);
  }

  /// Reading past the data is also what makes zlib compare the checksum of a .gz file.
  void expect_end() {
    std::uint8_t extra = 0;
    const int got = ::gzread(file_, &extra, 1);
    check(got <= 0, ErrorCode::kCorruptData, "[data] '", name_,
          "' goes on after the number of items that its header names; ", kFetch);
    fail_if_damaged();
    int status = Z_OK;
    ::gzerror(file_, &status);
    check(status != Z_BUF_ERROR, ErrorCode::kCorruptData, "[data] '", name_,
          "' ends early: its checksum is cut off; ", kFetch);
  }

 private:
  void fail_if_damaged() {
    int status = Z_OK;
    const std::string why = ::gzerror(file_, &status);
    check(status >= 0 || status == Z_BUF_ERROR, ErrorCode::kCorruptData, "[data] cannot unpack '",
          name_, "': ", status == Z_ERRNO ? errno_text() : why, "; ", kFetch);
  }

  std::string name_;
  std::int64_t stored_bytes_ = 0;
  gzFile file_ = nullptr;
};

at::Tensor read_images(IdxFile& file) {
  file.expect_magic(kImagesMagic, "images");
  const std::int64_t count = file.read_number("header");
  const std::int64_t height = file.read_number("header");
  const std::int64_t width = file.read_number("header");
  check(std::min(height, width) >= 1 && std::max(height, width) <= kMaxSide,
        ErrorCode::kCorruptData, "[data] '", file.name(), "': expected image sides in [1, ",
        kMaxSide, "], got ", height, "x", width, "; ", kFetch);
  file.expect_room(count * height * width);
  at::Tensor images = torch::empty({count, 1, height, width}, torch::kUInt8);
  file.read(images.data_ptr<std::uint8_t>(), images.numel(), "pixels");
  file.expect_end();
  return images;
}

at::Tensor read_labels(IdxFile& file) {
  file.expect_magic(kLabelsMagic, "labels");
  const std::int64_t count = file.read_number("header");
  file.expect_room(count);
  const at::Tensor labels = torch::empty({count}, torch::kUInt8);
  file.read(labels.data_ptr<std::uint8_t>(), count, "labels");
  file.expect_end();
  return labels.to(torch::kInt64);
}

/// The names of Fashion-MNIST's ten labels; sets with more, such as EMNIST's, go by number.
std::vector<std::string> names_of(const at::Tensor& train_labels) {
  const auto largest = train_labels.max().item<std::int64_t>();
  if (largest < std::ssize(kClasses)) {
    return {kClasses.begin(), kClasses.end()};
  }
  std::vector<std::string> names;
  for (std::int64_t label = 0; label <= largest; ++label) {
    names.push_back(std::to_string(label));
  }
  return names;
}

}  // namespace

bool holds_fashion_mnist(const fs::path& folder) {
  for (const Split split : {Split::kTrain, Split::kTest}) {
    if (find(images_file(folder, split)) || find(labels_file(folder, split))) {
      return true;
    }
  }
  return false;
}

std::vector<std::string> idx_classes(const fs::path& folder) {
  IdxFile labels(labels_file(folder, Split::kTrain));
  return names_of(read_labels(labels));
}

ImageSet load_fashion_mnist(const fs::path& folder, Split split) {
  IdxFile labels_idx(labels_file(folder, split));
  IdxFile images_idx(images_file(folder, split));
  ImageSet set;
  set.labels = read_labels(labels_idx);
  set.images = read_images(images_idx);
  check(set.labels.size(0) == set.size(), ErrorCode::kCorruptData, "[data] '", labels_idx.name(),
        "' does not belong to '", images_idx.name(), "': expected ", set.size(), " labels, got ",
        set.labels.size(0), "; fetch both again");
  const bool own = split == Split::kTrain || !find(labels_file(folder, Split::kTrain));
  set.classes = own ? names_of(set.labels) : idx_classes(folder);
  const auto largest = set.labels.max().item<std::int64_t>();
  check(largest < std::ssize(set.classes), ErrorCode::kCorruptData, "[data] '", labels_idx.name(),
        "': label ", largest, " is none of the training images', which go up to ",
        set.classes.size() - 1, "; ", kFetch);
  return set;
}

}  // namespace lorae::data
