#include "client/session.h"

#include <algorithm>
#include <utility>

namespace lorae::client {
namespace {

constexpr int kRetriesBeforeRedial = 4;
constexpr std::uint64_t kNonceStep = 0x9E3779B97F4A7C15U;  // odd: never the same nonce twice
constexpr auto kStorageWait = std::chrono::seconds(2);     // after Verdict kWait

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
  if (state_ != SessionState::kEnded) {
    lose_session(SessionState::kOffline);
  }
}

void Session::lose_session(SessionState state) {
  session_ = 0;
  if (state_ != SessionState::kTraining) {
    state_ = state;
  }
}

void Session::say_hello(TimePoint now) {
  lose_session(SessionState::kJoining);
  progress_ = now;
  send(wire::Hello{.nonce = nonce_, .software = options_.software});
}

void Session::on_frame(wire::Frame frame, TimePoint now) {
  if (state_ == SessionState::kEnded) {
    return;
  }
  auto message = wire::unpack(std::move(frame));
  if (!message) {
    notes_.push_back(
        str("the coordinator sent a message that makes no sense: ", message.error().what()));
    return;
  }
  silent_retries_ = 0;
  std::visit([&](auto& typed) { on_message(std::move(typed), now); }, *message);
}

template <typename Other>
void Session::on_message(const Other& /*message*/, TimePoint /*now*/) {
  // A message that only clients send.
}

void Session::on_message(wire::Welcome message, TimePoint now) {
  const bool sane = message.chunk_bytes > 0 && message.window > 0 && message.heartbeat_ms > 0;
  if (message.nonce != nonce_ || !sane) {
    return;  // an answer to an older Hello
  }
  if (message.run != welcome_.run) {
    done_round_ = 0;
    assignment_ = {};
  }
  if (message.chunk_bytes != welcome_.chunk_bytes) {
    download_.reset();
  }
  welcome_ = std::move(message);
  session_ = welcome_.session;
  heartbeat_ = now;
  if (state_ != SessionState::kTraining) {
    become_idle(now);
  }
}

void Session::become_idle(TimePoint now) {
  state_ = SessionState::kIdle;
  progress_ = now;
  if (next_) {
    const wire::Assignment next = *std::exchange(next_, std::nullopt);
    on_message(next, now);
  }
}

void Session::on_message(wire::Assignment message, TimePoint now) {
  if (!joined() || message.session != session_ || message.round <= done_round_) {
    return;
  }
  if (std::max(message.model_bytes, message.backbone_bytes) > options_.largest_object) {
    notes_.push_back("the coordinator announced an object larger than this client accepts");
    return;
  }
  if (state_ == SessionState::kTraining) {
    if (message.round != assignment_.round || message.model != assignment_.model) {
      next_ = message;
    }
    return;
  }
  const bool in_hand = state_ != SessionState::kIdle && message.round == assignment_.round &&
                       message.model == assignment_.model;
  if (in_hand) {
    return;
  }
  assignment_ = message;
  const UpdateKey key{welcome_.run, message.round, message.model};
  if (auto kept = memory_.update(key)) {
    on_trained(key, *std::move(kept), now);  // trained before a restart
    return;
  }
  work_ = Work{.key = key,
               .client = ClientId{welcome_.client},
               .plan = std::string(text_of(welcome_.body)),
               .backbone = message.backbone,
               .model = {},
               .share_index = message.share_index,
               .share_count = message.share_count,
               .learning_rate_factor = message.learning_rate_factor};
  state_ = SessionState::kFetching;
  const bool cached = memory_.backbone(message.backbone).has_value();
  const Digest& object = cached ? message.model : message.backbone;
  if (download_ && download_->object() == object) {
    download_->restart_requests();  // what came before the connection was lost is kept
  } else {
    download_.emplace(object, cached ? message.model_bytes : message.backbone_bytes,
                      welcome_.chunk_bytes, welcome_.window);
  }
  fetch(now);
}

void Session::fetch(TimePoint now) {
  progress_ = now;
  for (const wire::Get& request : download_->take_requests(session_)) {
    send(request);
  }
}

void Session::on_message(wire::Chunk message, TimePoint now) {
  if (state_ != SessionState::kFetching || message.session != session_ || !download_) {
    return;
  }
  download_->on_chunk(std::move(message));
  if (auto object = download_->take_finished()) {
    if (download_->object() == assignment_.model) {
      work_->model = *std::move(object);
      download_.reset();
      state_ = SessionState::kTraining;
      return;
    }
    memory_.keep_backbone(assignment_.backbone, *std::move(object));
    download_.emplace(assignment_.model, assignment_.model_bytes, welcome_.chunk_bytes,
                      welcome_.window);
  }
  fetch(now);
}

std::optional<Work> Session::take_work() {
  return state_ == SessionState::kTraining ? std::exchange(work_, std::nullopt) : std::nullopt;
}

void Session::on_trained(const UpdateKey& key, TrainedUpdate update, TimePoint now) {
  try {
    memory_.keep_update(key, &update);
  } catch (const Error& error) {  // a full disk: it is lost only if we end before it is sent
    notes_.push_back(error.what());
  }
  if (state_ == SessionState::kEnded) {
    return;
  }
  if (next_ || key.round != assignment_.round || key.model != assignment_.model) {
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
  done_round_ = std::max(done_round_, key.round);
  if (state_ == SessionState::kEnded) {
    return;
  }
  if (joined()) {
    send(wire::Decline{.session = session_, .round = key.round, .detail = why});
  }
  become_idle(now);
}

void Session::send_update(TimePoint now) {
  progress_ = now;
  const std::uint64_t total = update_.payload.size();
  const std::uint64_t size = std::min(welcome_.chunk_bytes, total - update_offset_);
  send(wire::Update{.session = session_,
                    .round = assignment_.round,
                    .object = update_object_,
                    .offset = update_offset_,
                    .total = total,
                    .num_examples = static_cast<std::uint64_t>(update_.num_examples),
                    .train_loss = update_.train_loss,
                    .body = copy_of(ByteView(update_.payload).subspan(update_offset_, size))});
}

void Session::on_message(wire::Verdict message, TimePoint now) {
  if (state_ != SessionState::kSending || message.session != session_ ||
      message.round != assignment_.round) {
    return;
  }
  switch (message.kind) {
    case wire::VerdictKind::kProgress:
      // The offset just sent is the echo of a repeated piece; answering it would double the rest.
      if (message.next_offset != update_offset_ && message.next_offset < update_.payload.size()) {
        update_offset_ = message.next_offset;
        send_update(now);
      }
      return;
    case wire::VerdictKind::kWait:
      notes_.push_back("the coordinator waits for disk space: " + message.detail);
      progress_ = now + kStorageWait - options_.retry;
      return;
    case wire::VerdictKind::kRejected:
      notes_.push_back(str("round ", message.round, ": our update was rejected: ", message.detail));
      break;
    default:
      break;
  }
  done_round_ = message.round;
  memory_.keep_update({}, nullptr);
  update_ = {};
  become_idle(now);
}

void Session::on_message(wire::Reject message, TimePoint now) {
  switch (message.code) {
    case wire::RejectCode::kUnknownSession:
      if (message.session == session_ && joined()) {
        // The coordinator restarted, or dropped us: a new session, by a new nonce.
        nonce_ += kNonceStep;
        say_hello(now);
      }
      return;
    case wire::RejectCode::kNotFound:
      if (state_ == SessionState::kFetching && message.session == session_) {
        become_idle(now);  // that round is over; the next assignment comes by itself
      }
      return;
    case wire::RejectCode::kNoCommonVersion:
      end_ = wire::Bye{.reason = wire::ByeReason::kStopping, .detail = message.detail};
      state_ = SessionState::kEnded;
      return;
    default:
      notes_.push_back("the coordinator did not understand us: " + message.detail);
  }
}

void Session::on_message(wire::HeartbeatAck /*message*/, TimePoint /*now*/) {
  // That the peer lives is no progress of a transfer: lost chunks are still asked for again.
}

void Session::on_message(wire::Bye message, TimePoint /*now*/) {
  if (message.session != session_ || !joined()) {
    return;
  }
  if (message.reason == wire::ByeReason::kStopping) {
    notes_.push_back("the coordinator is stopping; waiting for it to come back");
    lose_session(SessionState::kOffline);
    connected_ = false;  // until the transport says so again
    return;
  }
  session_ = 0;
  end_ = std::move(message);
  state_ = SessionState::kEnded;
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
  if (!waiting || now - progress_ < options_.retry) {
    return;
  }
  ++silent_retries_;
  if (!joined()) {
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
