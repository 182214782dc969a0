#pragma once

#include <map>
#include <string>
#include <vector>

namespace lorae {

/// A key that two configurations have different values for.
struct ConfigDifference {
  std::string key;
  std::string before;  ///< as TOML; empty: it has none
  std::string now;     ///< likewise
};

/// Of the values that ConfigValues gives, in the order of keys: by what they are, not by how they
/// were written.
std::vector<ConfigDifference> differences(const std::map<std::string, std::string>& before,
                                          const std::map<std::string, std::string>& now);

/// "training.batch_size 32 -> 16, seed 0 -> 1".
std::string text_of(const std::vector<ConfigDifference>& differences);

}  // namespace lorae
