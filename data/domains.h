#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace lorae::data {

/// The same set, whose pictures belong to these domains. Errors: kInvalidArgument unless there is
/// one for each picture.
DatasetPtr with_domains(DatasetPtr from, std::vector<std::string> domains);

/// `to`, whose pictures are those of `from` at `indices`, with their domains, if it knows any.
DatasetPtr with_domains_of(const Dataset& from,
                           std::span<const std::int64_t> indices,
                           DatasetPtr to);

/// The domain of each picture from a column of a CSV file with a line of names at its beginning. A
/// picture is found by what one of the cells says: its path, its file's name, or that without the
/// ending.
/// Errors: kInvalidConfig if the file cannot be read or has no such column; kCorruptData, naming
///         file and line or the picture, for a line with too few cells or a picture without a line.
std::vector<std::string> domains_of_csv(const Dataset& set,
                                        const std::filesystem::path& csv,
                                        const std::string& column);

}  // namespace lorae::data
