#pragma once

#include "data/formats/half.h"

namespace lorae::data {

/// True for a folder with JPEGImages and Annotations, or with folders VOC2007, VOC2012 and the like
/// that have them, itself or in VOCdevkit.
bool holds_voc(const std::filesystem::path& path);

/// The pictures of one half, by ImageSets/Main of each year. Where a year has a test.txt, all of
/// trainval.txt is trained on and test.txt is the test half, as is usual for VOC2007 and VOC2012
/// together; else train.txt and val.txt are the halves. Without ImageSets all is trained on.
/// Classes: classes.txt in the folder, one a line, else `options.names`, else VOC's twenty.
/// Domains: the years. Errors: kInvalidConfig if the half is not there.
Half find_voc(const std::filesystem::path& path, Split split, const OpenOptions& options);

std::vector<std::string> voc_classes(const std::filesystem::path& path, const OpenOptions& options);

}  // namespace lorae::data
