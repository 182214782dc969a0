#pragma once

#include <array>
#include <filesystem>
#include <string_view>

#include "base/named.h"
#include "data/dataset.h"

namespace lorae::data {

/// Opens whatever image data set the folder holds: Fashion-MNIST's IDX files, CIFAR's binary
/// version, or one sub-folder of pictures per class. The first two lie in memory then, in the
/// channels that they have; of the last nothing is decoded, and `channels` 3 makes it RGB, 1 grey.
/// Errors: those of the three formats; kInvalidConfig if `path` is no folder or holds none of them
///         (the message lists what is accepted).
DatasetPtr open_dataset(const std::filesystem::path& path,
                        std::int64_t channels,
                        Split split,
                        Holding holding = Holding::kWhole);

/// What becomes of pictures that cannot be decoded: an error, or the others go on without them.
enum class Damaged { kRefuse, kSkip };

/// The pictures that can be decoded. To know which, all are: once, by as many threads as there are
/// cores; a warning says how many are left out, the first three names and why. A set in memory is
/// given back as it is.
DatasetPtr without_damaged(DatasetPtr from);

/// What a set may take to be held in memory, decoded: 96 MiB, about two of Fashion-MNIST.
inline constexpr std::int64_t kSmallSet = 96 << 20;

/// The same pictures fitted to `shape`, decoded once and held in memory, if they take at most
/// `limit` bytes there; else `from` itself, whose pictures are decoded each time.
/// Errors: kCorruptData, naming the first picture that cannot be decoded.
DatasetPtr held_if_small(DatasetPtr from, ImageShape shape, std::int64_t limit = kSmallSet);

/// The names of the classes of such a folder, in the order of its labels, without reading images.
/// Errors: as open_dataset for what names and files alone show.
std::vector<std::string> class_names(const std::filesystem::path& path,
                                     Holding holding = Holding::kWhole);

}  // namespace lorae::data

namespace lorae {
template <>
inline constexpr std::array<std::string_view, 2> kNames<data::Damaged> = {"refuse", "skip"};
}  // namespace lorae
