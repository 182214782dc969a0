#pragma once

#include <cstdint>
#include <memory>

namespace lorae::test {

/// Forwards TCP connections to a port on loopback and counts every byte, on a thread of its own.
class TcpRelay {
 public:
  explicit TcpRelay(int target_port);
  ~TcpRelay();
  TcpRelay(const TcpRelay&) = delete;
  TcpRelay& operator=(const TcpRelay&) = delete;

  int port() const;
  std::uint64_t connections() const;
  std::uint64_t bytes_to_target() const;
  std::uint64_t bytes_from_target() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lorae::test
