#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>

namespace lorae {

/// A terminal of so many columns, and what was written to it.
class PseudoTerminal {
 public:
  explicit PseudoTerminal(std::size_t columns) : ours_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    if (ours_ < 0 || ::grantpt(ours_) != 0 || ::unlockpt(ours_) != 0) {
      throw std::runtime_error("cannot make a pseudo terminal");
    }
    theirs_ = ::open(::ptsname(ours_), O_RDWR | O_NOCTTY);
    winsize size{};
    size.ws_col = static_cast<unsigned short>(columns);
    size.ws_row = 25;
    ::ioctl(theirs_, TIOCSWINSZ, &size);
    ::fcntl(ours_, F_SETFL, O_NONBLOCK);
  }
  ~PseudoTerminal() {
    ::close(theirs_);
    ::close(ours_);
  }
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;

  /// What a program writes to.
  int descriptor() const { return theirs_; }

  /// What was written since the last time.
  std::string written() const {
    std::string text;
    std::array<char, 4096> piece{};
    for (ssize_t got = 0; (got = ::read(ours_, piece.data(), piece.size())) > 0;) {
      text.append(piece.data(), static_cast<std::size_t>(got));
    }
    return text;
  }

 private:
  int ours_;
  int theirs_ = -1;
};

/// Standard error goes to another descriptor while this lives.
class StandardErrorTo {
 public:
  explicit StandardErrorTo(int descriptor) : before_(::dup(STDERR_FILENO)) {
    ::dup2(descriptor, STDERR_FILENO);
  }
  ~StandardErrorTo() {
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
  }
  StandardErrorTo(const StandardErrorTo&) = delete;
  StandardErrorTo& operator=(const StandardErrorTo&) = delete;

 private:
  int before_;
};

}  // namespace lorae
