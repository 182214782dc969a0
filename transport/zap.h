#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "transport/registry.h"

namespace lorae::transport {

/// What is reported about peers that were turned away at the handshake.
struct Denial {
  std::string reason;       ///< of the last one: a sentence
  std::string address;      ///< of the last one, for example "10.0.0.7"
  std::string public_key;   ///< of the last one; "" if it presented none
  bool revoked = false;     ///< the last one's key was once let in, or is listed as revoked
  std::uint64_t count = 0;  ///< denials since the previous report
};

/// One server's door: who may come in. Shared by the server and the process's ZAP handler.
/// Threads: any.
class Door {
 public:
  using OnDenied = std::function<void(const Denial&)>;

  /// `on_denied` is called on the handler's thread, at most once a second; every handshake of the
  /// process waits for it, so it must be quick.
  Door(std::string domain, Registry registry, OnDenied on_denied);

  const std::string& domain() const noexcept { return domain_; }
  std::shared_ptr<const Registry> registry() const;
  void set_registry(Registry registry);
  std::uint64_t denied() const;

  /// Denials are counted from the beginning and reported from now on.
  void start_reports();
  /// No report starts, or is still running, after this.
  void close();

  /// The name that `public_key` may use. If it is not active: counts a denial, returns "".
  std::string admit(std::string_view address, std::string_view public_key);
  /// Counts a peer that was turned away for another reason.
  void deny(std::string_view reason, std::string_view address);
  /// Calls `on_denied` if a report is due. Returns true if one has to wait for its time.
  bool report(TimePoint now);

 private:
  void count(Denial denial);

  const std::string domain_;
  mutable std::mutex mutex_;  // guards what follows; not held during callbacks
  std::shared_ptr<const Registry> registry_;
  // Of all registries so far. Only who edits the registry can make it longer.
  std::set<std::string, std::less<>> revoked_keys_;
  Denial pending_;
  bool reporting_ = false;
  std::uint64_t denied_ = 0;
  TimePoint next_report_{};
  std::mutex callback_mutex_;  // held while on_denied_ runs
  OnDenied on_denied_;
};

/// Answers the authentication requests (ZAP, ZeroMQ RFC 27) of all servers of the process.
///
/// Its thread starts with the first door and lives as long as the process, because libzmq accepts
/// any key when no handler is bound; should the thread fail, the process terminates.
/// Threads: any.
class ZapHandler {
 public:
  /// Starts the handler if need be; when it returns, the handler is bound.
  static ZapHandler& instance();

  /// Opens a door with a domain of its own; requests for other domains are denied.
  std::shared_ptr<Door> open(Registry registry, Door::OnDenied on_denied);
  /// From now on everybody is denied there, and nothing is reported.
  void close(const std::shared_ptr<Door>& door);

 private:
  struct State;
  ZapHandler();

  State* state_;  // lives as long as the process, as the thread that uses it
};

}  // namespace lorae::transport
