#include "tests/integration/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace lorae::test {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto kPoll = std::chrono::milliseconds(5);

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

fs::path errors_path(const fs::path& output) {
  return output.string() + ".err";
}

}  // namespace

Process::Process(const Options& options) : output_(options.output) {
  std::vector<std::string> arguments = options.arguments;
  arguments[0] = std::string(LORAE_BIN) + "/" + arguments[0];
  std::vector<char*> argv;
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
  }
  argv.push_back(nullptr);
  id_ = ::fork();
  if (id_ == 0) {
    const int out = ::open(output_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    const int err = ::open(errors_path(output_).c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    for (const auto& [name, value] : options.environment) {
      ::setenv(name.c_str(), value.c_str(), 1);
    }
    if (options.folder.empty() || ::chdir(options.folder.c_str()) == 0) {
      if (options.prepare) {
        options.prepare();
      }
      ::execv(argv[0], argv.data());
    }
    ::_exit(127);
  }
  if (id_ < 0) {
    throw std::runtime_error("cannot fork");
  }
}

Process::~Process() {
  if (id_ > 0 && !status_) {
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
  }
}

Process::Process(Process&& other) noexcept
    : id_(std::exchange(other.id_, -1)),
      status_(other.status_),
      output_(std::move(other.output_)) {}

std::optional<int> Process::wait(std::chrono::milliseconds patience) {
  const auto end = Clock::now() + patience;
  while (!status_) {
    int raw = 0;
    if (::waitpid(id_, &raw, WNOHANG) == id_) {
      status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
    } else if (Clock::now() >= end) {
      break;
    } else {
      std::this_thread::sleep_for(kPoll);  // polls a child, not a guess about its speed
    }
  }
  return status_;
}

void Process::kill(int signal) {
  if (!status_) {
    ::kill(id_, signal);
  }
}

std::string Process::output() const {
  return read_text(output_);
}

std::string Process::errors() const {
  return read_text(errors_path(output_));
}

bool Process::wait_for(const std::string& text, std::chrono::milliseconds patience) {
  const auto end = Clock::now() + patience;
  for (;;) {
    const bool ended = wait(std::chrono::milliseconds(0)).has_value();
    if (output().find(text) != std::string::npos || errors().find(text) != std::string::npos) {
      return true;
    }
    if (ended || Clock::now() >= end) {
      return false;
    }
    std::this_thread::sleep_for(kPoll);
  }
}

Finished run(const std::vector<std::string>& arguments,
             const std::map<std::string, std::string>& environment,
             const std::filesystem::path& folder,
             std::chrono::milliseconds patience) {
  return run({.arguments = arguments, .output = {}, .folder = folder, .environment = environment},
             patience);
}

Finished run(Process::Options options, std::chrono::milliseconds patience) {
  const TemporaryFolder scratch;
  options.output = scratch.path() / "out";
  Process process(options);
  const auto status = process.wait(patience);
  return {status.value_or(-1), process.output(), process.errors()};
}

long resident_kb(pid_t id) {
  std::ifstream status("/proc/" + std::to_string(id) + "/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmRSS:")) {
      return std::stol(line.substr(6));
    }
  }
  return -1;
}

int free_port() {
  std::random_device device;
  for (;;) {
    const int port = 20000 + static_cast<int>(device() % 12000);
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free = ::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(listener);
    if (free) {
      return port;
    }
  }
}

}  // namespace lorae::test
