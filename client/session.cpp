#include "client/session.h"

#include <algorithm>
#include <utility>

namespace lorae::client {
namespace {

constexpr int kRetriesBeforeRedial = 4;
constexpr int kMostDoublings = 4;  // 5 s, 10, 20, 40, 80
constexpr const char* kNoModel = "the last global model did not come: ";

wire::ClientState wire_state(SessionState state) {
  switch (state) {
    case SessionState::kFetching:
      return wire::ClientState::kFetching;
    case SessionState::kTraining:
      return wire::ClientState::kTraining;
    case SessionState::kSending:
      return wire::ClientState::kSending;
    default:
      return wire::ClientState::kIdle;
  }
}

}  // namespace

Session::Session(Memory& memory, std::uint64_t nonce, SessionOptions options)
    : memory_(memory), options_(std::move(options)), nonce_(nonce) {}

void Session::on_connected(TimePoint now) {
  if (state_ == SessionState::kEnded) {
    return;
  }
  connected_ = true;
  // The same nonce: if the coordinator is still the same, so is the session.
  say_hello(now);
}

void Session::on_disconnected() {
  connected_ = false;
  if (finishing_) {
    notes_.push_back(str(kNoModel, "the connection was lost"));
    end_run();
  }
  if (state_ != SessionState::kEnded) {
    lose_session(SessionState::kOffline);
  }
}

void Session::lose_session(SessionState state) {
  session_ = {};
  if (state_ != SessionState::kTraining) {
    state_ = state;
  }
}

void Session::say_hello(TimePoint now) {
  lose_session(SessionState::kJoining);
  progress_ = now;
  const Memory::Held held = memory_.held();
  send(wire::Hello{.nonce = nonce_,
                   .software = options_.software,
                   .codecs = options_.codecs,
                   .rank_max = static_cast<std::uint64_t>(options_.rank_max),
                   .held_run = held.run,
                   .held_version = held.version,
                   .own_data = options_.own_data ? 1U : 0U,
                   .brief = 1});
}

void Session::become_idle(TimePoint now) {
  state_ = SessionState::kIdle;
  progress_ = now;
  if (next_) {
    const wire::Assignment next = *std::exchange(next_, std::nullopt);
    on_message(next, now);
  }
}

void Session::fetch(TimePoint now) {
  progress_ = now;
  for (const wire::Get& request : download_->take_requests(session_)) {
    send(request);
  }
}

std::optional<Work> Session::take_work() {
  return state_ == SessionState::kTraining ? std::exchange(work_, std::nullopt) : std::nullopt;
}

void Session::on_trained(const UpdateKey& key, TrainedUpdate update, TimePoint now) {
  try {
    memory_.keep_update(key, &update);
  } catch (const Error& error) {  // a full disk: it is lost only if we end before it is sent
    notes_.emplace_back(error.what());
  }
  if (state_ == SessionState::kEnded || finishing_) {
    return;
  }
  if (next_ || key.round != assignment_.round || key.model != trained_from(assignment_)) {
    become_idle(now);  // the coordinator has moved on
    return;
  }
  update_ = std::move(update);
  update_object_ = digest_of(update_.payload);
  update_offset_ = 0;
  if (joined()) {
    state_ = SessionState::kSending;
    send_update(now);
  } else {  // Welcome, then the assignment again, find it in Memory
    state_ = connected_ ? SessionState::kJoining : SessionState::kOffline;
  }
}

void Session::on_failed(const UpdateKey& key, const std::string& why, TimePoint now) {
  if (state_ == SessionState::kEnded || finishing_) {
    return;
  }
  if (joined()) {
    send(wire::Decline{.session = session_, .round = key.round, .detail = why});
  }
  become_idle(now);  // if the coordinator opens the round again, it may be tried again
}

void Session::on_backbone_lost(TimePoint now) {
  if (state_ == SessionState::kEnded || finishing_) {
    return;
  }
  const wire::Assignment again = assignment_;
  become_idle(now);
  on_message(again, now);  // nothing, if the session was lost meanwhile
}

void Session::leave(const std::string& why) {
  if (state_ == SessionState::kEnded) {
    return;
  }
  if (joined()) {
    if (assignment_.round > done_round_) {
      send(wire::Decline{.session = session_, .round = assignment_.round, .detail = why});
    }
    send(wire::Bye{.session = session_, .detail = why});
  }
  session_ = {};
  end_ = wire::Bye{.reason = wire::ByeReason::kStopping, .detail = why};
  state_ = SessionState::kEnded;
}

void Session::end_run() {
  if (joined()) {  // the coordinator ends when all have heard
    send(wire::Bye{.session = session_, .reason = finishing_->reason, .detail = "heard"});
  }
  session_ = {};
  end_ = std::exchange(finishing_, std::nullopt);
  state_ = SessionState::kEnded;
}

void Session::send_update(TimePoint now) {
  progress_ = now;
  const std::uint64_t total = update_.payload.size();
  if (brief_ && total <= welcome_.chunk_bytes) {
    send(wire::WholeUpdate{.session = session_,
                           .round = assignment_.round,
                           .object = shortened(update_object_),
                           .num_examples = static_cast<std::uint64_t>(update_.num_examples),
                           .metrics = update_.metrics,
                           .body = update_.payload});
    return;
  }
  const std::uint64_t size = std::min(welcome_.chunk_bytes, total - update_offset_);
  send(wire::Update{.session = session_,
                    .round = assignment_.round,
                    .object = update_object_,
                    .offset = update_offset_,
                    .total = total,
                    .num_examples = static_cast<std::uint64_t>(update_.num_examples),
                    .metrics = update_.metrics,
                    .body = copy_of(ByteView(update_.payload).subspan(update_offset_, size))});
}

void Session::send_heartbeat() {
  send(wire::Heartbeat{
      .session = session_, .round = assignment_.round, .state = wire_state(state_)});
}

void Session::on_tick(TimePoint now) {
  if (state_ == SessionState::kEnded || !connected_) {
    return;
  }
  if (joined() && now - heartbeat_ >= std::chrono::milliseconds(welcome_.heartbeat_ms)) {
    heartbeat_ = now;
    ++silent_retries_;  // any answer takes it back
    send_heartbeat();
  }
  const bool waiting =
      !joined() || state_ == SessionState::kFetching || state_ == SessionState::kSending;
  // A coordinator that trains its backbone answers nobody for minutes, and then all at once.
  const Duration patience =
      joined() ? options_.retry : options_.retry * (1 << std::min(silent_hellos_, kMostDoublings));
  if (!waiting || now - progress_ < patience) {
    return;
  }
  if (++silent_retries_ >= kRetriesBeforeRedial && finishing_) {
    notes_.push_back(str(kNoModel, "the coordinator does not answer"));
    end_run();
  } else if (!joined()) {
    if (silent_hellos_++ == 0) {
      notes_.emplace_back(
          "the coordinator does not answer yet; it may be training its backbone; waiting");
    }
    say_hello(now);
  } else if (state_ == SessionState::kFetching) {
    download_->restart_requests();
    fetch(now);
  } else {
    send_update(now);
  }
}

bool Session::take_redial() {
  if (silent_retries_ < kRetriesBeforeRedial) {
    return false;
  }
  silent_retries_ = 0;
  return true;
}

std::vector<wire::Frame> Session::take_outgoing() {
  return std::exchange(outgoing_, {});
}

std::vector<std::string> Session::take_notes() {
  return std::exchange(notes_, {});
}

}  // namespace lorae::client
