#pragma once

#include <string>
#include <vector>

namespace lorae::apps {

/// The arguments of `lorae` for CLI11, which would read a key that begins with '-' as a flag: words
/// of `enrol` that are no flags of it begin with a mark then, which `plain_word` takes off.
std::vector<std::string> mark_plain_words(std::vector<std::string> arguments);

/// The word without its mark, if it has one.
std::string plain_word(const std::string& word);

}  // namespace lorae::apps
