#include "apps/lorae/plain_words.h"

#include "transport/keys.h"

namespace lorae::apps {
namespace {

constexpr char kMark = '\x1f';  // nobody types it

/// "-h", "--help", "--home=DIR": a dash or two, and small letters.
bool looks_like_a_flag(const std::string& word) {
  const std::string letters = word.substr(0, word.find('='));
  const std::size_t dashes = letters.starts_with("--") ? 2 : 1;
  const bool is_short = dashes == 1 && letters.size() == 2;
  return (dashes == 2 || is_short) &&
         letters.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", dashes) == std::string::npos;
}

}  // namespace

std::vector<std::string> mark_plain_words(std::vector<std::string> arguments) {
  if (arguments.size() < 2 || (arguments[1] != "enrol" && arguments[1] != "revoke")) {
    return arguments;
  }
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    std::string& word = arguments[i];
    if (word == "--home") {
      ++i;  // what follows is a folder, though it may read as a key
    } else if (word.starts_with('-') && !word.starts_with("--home=") &&
               (transport::is_key(word) || !looks_like_a_flag(word))) {
      word.insert(0, 1, kMark);
    }
  }
  return arguments;
}

std::string plain_word(const std::string& word) {
  return word.starts_with(kMark) ? word.substr(1) : word;
}

}  // namespace lorae::apps
