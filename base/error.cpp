#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace lorae {

int exit_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidConfig:
      return 78;
    case ErrorCode::kCorruptData:
    case ErrorCode::kIncompatible:
      return 65;
    case ErrorCode::kUnavailable:
      return 69;
    case ErrorCode::kInvalidArgument:
      break;
  }
  return 70;
}

std::string errno_text() {
  const int number = errno;
  return number == EMFILE || number == ENFILE
             ? str(std::strerror(number), "; raise the limit on open files (ulimit -n)")
             : std::strerror(number);
}

}  // namespace lorae
