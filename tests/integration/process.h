#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/base/temporary_folder.h"

namespace lorae::test {

/// A program of ours, started with its output in a file; killed if the test forgets it.
class Process {
 public:
  struct Options {
    std::vector<std::string> arguments;  ///< the first is the program's name in build/.../bin
    std::filesystem::path output;        ///< standard output; standard error goes to output.err
    std::filesystem::path folder = {};   ///< to start in; empty: ours
    std::map<std::string, std::string> environment = {};  ///< added to ours
    std::function<void()> prepare = {};  ///< done in the child, last of all: limits, descriptors
  };

  explicit Process(const Options& options);
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;

  pid_t id() const { return id_; }
  /// The exit status, 128 + signal if a signal ended it, or nullopt if it still runs after
  /// `patience`.
  std::optional<int> wait(std::chrono::milliseconds patience);
  void kill(int signal);
  std::string output() const;
  std::string errors() const;
  /// Waits until standard output or error holds `text`; false after `patience` or the process's
  /// end.
  bool wait_for(const std::string& text, std::chrono::milliseconds patience);

 private:
  pid_t id_ = -1;
  std::optional<int> status_;
  std::filesystem::path output_;
};

/// Runs a program to its end. Returns the exit status; -1 if it did not end within `patience`.
struct Finished {
  int status = -1;
  std::string output;
  std::string errors;
};
Finished run(const std::vector<std::string>& arguments,
             const std::map<std::string, std::string>& environment = {},
             const std::filesystem::path& folder = {},
             std::chrono::milliseconds patience = std::chrono::seconds(120));
/// The same with all options but `output`.
Finished run(Process::Options options,
             std::chrono::milliseconds patience = std::chrono::seconds(120));

/// Resident memory of a process. Units: kB.
long resident_kb(pid_t id);

/// A TCP port below the ephemeral range that nothing listens on at this moment.
int free_port();

}  // namespace lorae::test
