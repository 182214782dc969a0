#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace lorae::test {

/// Fashion-MNIST's pictures by class, as PGM files in class folders: what people have on devices.
/// Needs has_fashion_mnist().
///
/// `folders`: the name of a folder to the label whose pictures go into it, -1 for none.
/// Skips the first `skip` pictures of a class, so that devices hold different ones.
void write_pictures(const std::filesystem::path& root,
                    const std::map<std::string, int>& folders,
                    int per_class,
                    int skip = 0);

inline constexpr int kTrouser = 1;
inline constexpr int kSneaker = 7;
inline constexpr int kBag = 8;

}  // namespace lorae::test
