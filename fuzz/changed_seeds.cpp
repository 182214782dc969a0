// A fuzz target without libFuzzer: it gets each file of a folder, whole, cut after each byte, and
// with each byte changed. Usage: fuzz_NAME FOLDER
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

/// A copy of its own length, so that a sanitizer notices who reads beyond.
void give(std::vector<std::uint8_t> bytes) {
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", arguments[0]);
    return 64;
  }
  int seeds = 0;
  for (const auto& entry : std::filesystem::directory_iterator(arguments[1])) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::vector<std::uint8_t> seed{std::istreambuf_iterator<char>(in), {}};
    give(seed);
    for (std::size_t at = 0; at < seed.size(); ++at) {
      give({seed.begin(), seed.begin() + static_cast<std::ptrdiff_t>(at)});
      for (const unsigned change : {0x01U, 0x10U, 0x80U, 0xffU}) {
        std::vector<std::uint8_t> changed = seed;
        changed[at] = static_cast<std::uint8_t>(changed[at] ^ change);
        give(std::move(changed));
      }
    }
    ++seeds;
  }
  std::printf("%d seeds\n", seeds);
  return seeds > 0 ? 0 : 1;
}
