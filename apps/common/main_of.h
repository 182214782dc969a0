#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace lorae::apps {

/// The rest of every `main`: makes the process fit to run, runs `body` and returns its exit status,
/// when standard output has taken all that was printed. If something throws, prints
/// "program: message" to standard error and returns the status of docs/errors.md.
///
/// Fit: descriptors 0 to 2 are open, if only to /dev/null, so that no file of ours gets their
/// numbers; enough more may be opened; SIGINT and SIGTERM say that they ended the program.
int main_of(std::string_view program, const std::function<int()>& body);

/// What SIGINT and SIGTERM say besides, such as how to go on, where the program does not take the
/// signals itself.
void set_interrupt_hint(const std::string& hint);

}  // namespace lorae::apps
