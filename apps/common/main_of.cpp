#include "apps/common/main_of.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <nlohmann/json.hpp>

#include "apps/common/output.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

namespace lorae::apps {
namespace {

// Both change only while the signals that read them are blocked.
std::string interrupt_text;
std::string interrupt_json;

void open_standard_descriptors() {
  int opened = 0;
  do {
    opened = ::open("/dev/null", O_RDWR);  // the lowest number that is free; not CLOEXEC, as others
  } while (opened >= 0 && opened <= STDERR_FILENO);
  if (opened >= 0) {
    ::close(opened);
  }
}

/// A service has a descriptor or two per peer, and libraries abort where they get none.
void raise_descriptor_limit() {
  constexpr rlim_t kFewest = 64;
  constexpr rlim_t kEnough = 4096;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < kEnough) {
    limit.rlim_cur = std::min(limit.rlim_max, kEnough);
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  check(limit.rlim_cur >= kFewest, ErrorCode::kUnavailable, "[limits] only ", limit.rlim_cur,
        " files may be open: expected at least ", kFewest, "; raise the limit (ulimit -n)");
}

/// For programs and phases that do not take the signals themselves. Async-signal-safe.
void tell_and_end(int signal) {
  const std::string& text = log_format() == LogFormat::kJson ? interrupt_json : interrupt_text;
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  std::signal(signal, SIG_DFL);
  ::raise(signal);
}

void take_signals() {
  for (const int signal : {SIGINT, SIGTERM}) {
    // Not where whoever started us ignores it, as nohup and shells without job control do.
    if (std::signal(signal, tell_and_end) == SIG_IGN) {
      std::signal(signal, SIG_IGN);
    }
  }
}

int complain(std::string_view program, std::string_view what, ErrorCode code) {
  const int status = exit_status(code);
  if (log_format() == LogFormat::kJson) {
    log_line(LogLevel::kError, "program.failed",
             log_details("program=", program, " status=", status, ' ', what));
  } else {
    std::fputs(str(program, ": ", printable(what, Lines::kMany), '\n').c_str(), stderr);
  }
  return status;
}

/// A line as log_line makes it, but for the time, which a signal's handler cannot ask for.
std::string json_of_interrupt(const std::string& message) {
  return json_line(nlohmann::ordered_json{{"level", "info"},
                                          {"event", "program.interrupted"},
                                          {"fields", nlohmann::ordered_json::object()},
                                          {"message", message}}) +
         '\n';
}

}  // namespace

void set_interrupt_hint(const std::string& hint) {
  const std::string text =
      interrupt_text.substr(0, interrupt_text.rfind('\n')) + "; " + hint + '\n';
  const std::string json = json_of_interrupt("interrupted; " + hint);
  sigset_t both, before;
  sigemptyset(&both);
  sigaddset(&both, SIGINT);
  sigaddset(&both, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &both, &before);
  interrupt_text = text;
  interrupt_json = json;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

int main_of(std::string_view program, const std::function<int()>& body) {
  open_standard_descriptors();
  interrupt_text = str('\n', program, ": interrupted\n");
  interrupt_json = json_of_interrupt("interrupted");
  take_signals();
  try {
    raise_descriptor_limit();
    const int status = body();
    finish_output();
    return status;
  } catch (const Error& error) {
    return complain(program, error.what(), error.code());
  } catch (const std::filesystem::filesystem_error& error) {
    // A folder that may not be searched, a working folder that is gone: a person's to mend.
    return complain(program,
                    str("[file] '", error.path1().string(), "': ", error.code().message(),
                        "; may this user search the folders that lead there?"),
                    ErrorCode::kInvalidConfig);
  } catch (const std::bad_alloc&) {
    return complain(program, "[memory] there is not enough memory", ErrorCode::kUnavailable);
  } catch (const std::exception& error) {
    return complain(program, error.what(), ErrorCode::kInvalidArgument);  // a bug of ours
  }
}

}  // namespace lorae::apps
