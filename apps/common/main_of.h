#pragma once

#include <cstdio>
#include <exception>
#include <functional>
#include <string_view>

#include "base/error.h"

namespace lorae::apps {

/// The rest of every `main`: runs `body` and returns its exit status. If it throws, prints
/// "program: message" to standard error and returns the status of docs/errors.md.
inline int main_of(std::string_view program, const std::function<int()>& body) {
  const auto complain = [program](const std::exception& error) {
    std::fputs(str(program, ": ", error.what(), '\n').c_str(), stderr);
  };
  try {
    return body();
  } catch (const Error& error) {
    complain(error);
    return exit_status(error.code());
  } catch (const std::exception& error) {
    complain(error);
    return exit_status(ErrorCode::kInvalidArgument);  // a bug of ours
  }
}

}  // namespace lorae::apps
