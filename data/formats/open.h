#pragma once

#include <filesystem>
#include <memory>

#include "data/dataset.h"
#include "data/formats/open_options.h"

namespace lorae::data {

struct Known;  // data/formats/half.h

/// Opens whatever image data set lies there: Fashion-MNIST's IDX files, CIFAR's binary version, a
/// YOLO set (docs/data_formats.md), or one sub-folder of pictures per class. The first two lie in
/// memory then, in the channels that they have; of the others nothing is decoded, and `channels` 3
/// makes it RGB, 1 grey.
/// Errors: those of the formats; kInvalidConfig if `path` holds none of them (the message lists
/// what
///         is accepted); BadData, naming file and line, for labels that make no sense, unless
///         options.damaged leaves their pictures out.
DatasetPtr open_dataset(const std::filesystem::path& path,
                        std::int64_t channels,
                        Split split,
                        const OpenOptions& options = {});

/// The pictures that can be decoded. To know which, all are: once, by as many threads as there are
/// cores; a warning says how many are left out, the first three names and why. A set in memory is
/// given back as it is.
DatasetPtr without_damaged(DatasetPtr from);

/// What a set may take to be held in memory, decoded: 96 MiB, about two of Fashion-MNIST.
inline constexpr std::int64_t kSmallSet = 96 << 20;

/// The same pictures, decoded once and held in memory, if they take at most `limit` bytes there;
/// else `from` itself, whose pictures are decoded each time. Pictures of a class each are stretched
/// to `shape`; of others, the longer side has that of `shape`. Errors: kCorruptData, naming the
/// first picture that cannot be decoded.
DatasetPtr held_if_small(DatasetPtr from, ImageShape shape, std::int64_t limit = kSmallSet);

/// The names of the classes of such a set, in the order of its labels, without reading images.
/// Errors: as open_dataset for what names and files alone show.
std::vector<std::string> class_names(const std::filesystem::path& path,
                                     const OpenOptions& options = {});

/// One half of a set of objects or masks with all that its files say, and all that is wrong with
/// them; nullptr for sets of other formats. Errors: BadData for what refuses the whole set.
std::shared_ptr<const Known> known_labels(const std::filesystem::path& path,
                                          Split split,
                                          const OpenOptions& options = {});

}  // namespace lorae::data
