#pragma once

#include <stdexcept>
#include <string>

#include "base/str.h"

namespace lorae {

/// What the caller can do about it; the message says what happened.
enum class ErrorCode {
  kInvalidArgument,  ///< a bug or a broken precondition: fix the calling code
  kInvalidConfig,    ///< a person's mistake: fix the file, flag or path named in the message
  kCorruptData,      ///< bytes from a disk or a peer that make no sense: fetch them again
  kIncompatible,     ///< two well-formed things that do not fit each other
  kUnavailable,      ///< something outside is missing for now (a peer, a disk, a device): retry
};

/// The one exception type of the project.
///
/// Messages read `[component] what, naming the thing: expected X, got Y; hint`.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

/// The exit status of a program that ends with an error of this code.
/// Source: sysexits.h: 64 usage, 65 data, 69 unavailable, 70 software, 78 configuration.
int exit_status(ErrorCode code);

/// Throws Error(code, str(parts...)).
template <typename... Parts>
[[noreturn]] void fail(ErrorCode code, const Parts&... parts) {
  throw Error(code, lorae::str(parts...));  // qualified: c10 has a str too
}

/// Throws Error(code, str(parts...)) unless `condition` holds.
template <typename... Parts>
void check(bool condition, ErrorCode code, const Parts&... parts) {
  if (!condition) {
    fail(code, parts...);
  }
}

/// The text of the current `errno`, for messages.
std::string errno_text();

}  // namespace lorae
