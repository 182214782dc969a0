#pragma once

#include <cstddef>

namespace lorae {

/// What stands behind a descriptor, and what it may be sent.
struct Terminal {
  bool redraws = false;      ///< a terminal where "\r" begins the line again; not with TERM=dumb
  bool colours = false;      ///< and it takes colours; not with NO_COLOR, https://no-color.org
  std::size_t columns = 80;  ///< of a terminal; 80 if it does not say
};

Terminal terminal_of(int descriptor);

}  // namespace lorae
