#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "transport/channel.h"

namespace lorae::coordinator {

/// Who is here: one session per client, on its newest connection. Threads: none.
class Roster {
 public:
  struct Member {
    SessionId session = {};  ///< filled in by `join`
    std::uint64_t nonce = 0;
    transport::ConnectionId connection{};
    TimePoint heard;
    bool own_data = false;      ///< takes no share of the run's images
    RoundId held_version = {};  ///< of this run's global state; 0: none
    bool brief = false;         ///< it knows wire::NextRound
    bool assigned = false;      ///< this session had a wire::Assignment
  };

  /// `epoch` is random per coordinator start: sessions of an earlier start are unknown.
  explicit Roster(std::uint64_t epoch) : epoch_(epoch) {}

  struct Joined {
    Member member;
    std::optional<Member> replaced;  ///< another process with the same key, to be told
  };
  /// The same client and nonce give the same session, on the new connection.
  Joined join(const ClientId& client, Member member);

  /// The member behind a message, heard of now; nullptr if the session is not the client's.
  const Member* find(const ClientId& client, SessionId session, TimePoint now);
  const Member* find(const ClientId& client) const;
  /// It has the global state of `version`, 0: none. Nothing for who is not here.
  void holds(const ClientId& client, RoundId version);
  /// It was sent a wire::Assignment. Nothing for who is not here.
  void assigned(const ClientId& client);
  void leave(const ClientId& client) { members_.erase(client); }

  /// Clients heard of within `patience`, sorted. Others are forgotten.
  std::vector<ClientId> present(TimePoint now, Duration patience);
  const std::map<ClientId, Member>& members() const { return members_; }

 private:
  std::uint64_t epoch_;
  std::map<ClientId, Member> members_;
};

}  // namespace lorae::coordinator
