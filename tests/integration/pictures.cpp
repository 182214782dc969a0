#include "tests/integration/pictures.h"

#include <zlib.h>

#include <fstream>
#include <stdexcept>
#include <vector>

namespace lorae::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSide = 28;
constexpr std::size_t kPixels = kSide * kSide;
constexpr std::size_t kImages = 20000;  // enough of each class, and quick to read

std::vector<char> inflate(const std::string& name, std::size_t skip, std::size_t size) {
  const std::string path = "/usr/share/datasets/fashion-mnist/" + name;
  const gzFile file = ::gzopen(path.c_str(), "rb");
  if (file == nullptr) {
    throw std::runtime_error("cannot read " + path);
  }
  std::vector<char> bytes(skip + size);
  ::gzread(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  ::gzclose(file);
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(skip));
  return bytes;
}

}  // namespace

void write_pictures(const fs::path& root,
                    const std::map<std::string, int>& folders,
                    int per_class,
                    int skip) {
  static const std::vector<char> images =
      inflate("train-images-idx3-ubyte.gz", 16, kImages * kPixels);
  static const std::vector<char> labels = inflate("train-labels-idx1-ubyte.gz", 8, kImages);
  for (const auto& [folder, label] : folders) {
    fs::create_directories(root / folder);
    int seen = 0;
    for (std::size_t i = 0; i < kImages && seen < skip + per_class; ++i) {
      if (labels[i] != label || seen++ < skip) {
        continue;
      }
      std::ofstream file(root / folder / (std::to_string(i) + ".pgm"), std::ios::binary);
      file << "P5\n" << kSide << ' ' << kSide << "\n255\n";
      file.write(images.data() + i * kPixels, kPixels);
    }
  }
}

}  // namespace lorae::test
