#pragma once

#include <filesystem>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/digest.h"

namespace lorae::client {

// A file that can be told from a damaged one, from another's and from one of another format.
// Layout: u64 format, digest of everything behind it, digest that says whose it is, body.

/// All of the old or all of the new. Errors: as write_file_atomic.
void write_kept(const std::filesystem::path& path,
                std::uint64_t format,
                const Digest& whose,
                std::span<const ByteView> body);

/// The body; nothing if the file is not there, damaged, another's or of another format.
std::optional<Bytes> read_kept(const std::filesystem::path& path,
                               std::uint64_t format,
                               const Digest& whose);

}  // namespace lorae::client
