#include <algorithm>
#include <utility>

#include "client/session.h"

// What the session does with each message of the coordinator; session.cpp has the rest.
namespace lorae::client {
namespace {

constexpr std::uint64_t kNonceStep = 0x9E3779B97F4A7C15U;  // odd: never the same nonce twice
constexpr std::size_t kUnknownKindsTold = 16;              // a bound on what a peer makes us keep
constexpr auto kStorageWait = std::chrono::seconds(2);     // after Verdict kWait

}  // namespace

/// The state itself where that is told: the object that it comes as depends on what is held here.
Digest trained_from(const wire::Assignment& assignment) {
  if (assignment.state == Digest{}) {
    return assignment.model;
  }
  Digest half;  // a NextRound has no more of it
  std::ranges::copy(shortened(assignment.state).bytes, half.bytes.begin());
  return half;
}

void Session::on_frame(wire::Frame frame, TimePoint now) {
  if (state_ == SessionState::kEnded) {
    return;
  }
  auto message = wire::unpack(std::move(frame));
  if (!message) {
    on_unreadable(message.error());
    return;
  }
  silent_retries_ = 0;
  std::visit([&](auto& typed) { on_message(std::move(typed), now); }, *message);
}

void Session::on_unreadable(const wire::Unreadable& error) {
  switch (error.why()) {
    case wire::Unreadable::Why::kMalformed:
      notes_.push_back(str("the coordinator sent a message that makes no sense: ", error.what()));
      return;
    case wire::Unreadable::Why::kOtherVersion:  // waiting would change nothing
      end_ = wire::Bye{.reason = wire::ByeReason::kStopping,
                       .detail = str("the coordinator speaks protocol ", error.version(),
                                     ", this client ", wire::kVersion, "; update the older side")};
      notes_.push_back(end_->detail);
      state_ = SessionState::kEnded;
      return;
    case wire::Unreadable::Why::kUnknownKind:
      silent_retries_ = 0;
      if (unknown_kinds_.size() < kUnknownKindsTold && unknown_kinds_.insert(error.kind()).second) {
        notes_.push_back(str("the coordinator sent a message of kind ", error.kind(),
                             ", which this client does not know; update the client to use it"));
        send(wire::Reject{
            .session = session_, .code = wire::RejectCode::kUnknownKind, .detail = error.what()});
      }
  }
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
    done_round_ = {};
    assignment_ = {};
  }
  if (message.chunk_bytes != welcome_.chunk_bytes) {
    download_.reset();
  }
  if (message.body != welcome_.body) {
    plan_ = std::string(text_of(message.body));
  }
  welcome_ = std::move(message);
  session_ = welcome_.session;
  heard_.reset();
  brief_ = false;
  silent_hellos_ = 0;
  heartbeat_ = now;
  if (state_ != SessionState::kTraining) {
    become_idle(now);
  }
}

void Session::on_message(wire::Assignment message, TimePoint now) {
  if (!joined() || message.session != session_) {
    return;
  }
  heard_ = message;
  if (message.round <= done_round_) {
    return;
  }
  if (std::max(message.model_bytes, message.backbone_bytes) > options_.largest_object) {
    notes_.emplace_back("the coordinator announced an object larger than this client accepts");
    return;
  }
  const Memory::Held held = memory_.held();
  if (message.base_version != RoundId{} &&
      (held.run != welcome_.run || held.version != message.base_version)) {
    send(wire::Decline{.session = session_,
                       .round = message.round,
                       .detail = str("no model of version ", message.base_version, " here"),
                       .needs_start = 1});
    return;
  }
  if (state_ == SessionState::kTraining) {
    if (message.round != assignment_.round || trained_from(message) != trained_from(assignment_)) {
      next_ = message;
    }
    return;
  }
  const bool same = state_ == SessionState::kSending
                        ? trained_from(message) == trained_from(assignment_)
                        : message.model == assignment_.model;
  if (state_ != SessionState::kIdle && message.round == assignment_.round && same) {
    return;
  }
  assignment_ = message;
  const UpdateKey key{welcome_.run, message.round, trained_from(message)};
  if (auto kept = memory_.update(key)) {
    on_trained(key, *std::move(kept), now);  // trained before a restart
    return;
  }
  work_ = Work{.key = key,
               .client = ClientId{welcome_.client},
               .plan = std::string(text_of(welcome_.body)),
               .backbone = message.backbone,
               .fetched_backbone = nullptr,
               .model = {},
               .share_index = message.share_index,
               .share_count = message.share_count,
               .learning_rate_factor = message.learning_rate_factor,
               .counted = message.counted,
               .base_version = message.base_version,
               .state = shortened(message.state),
               .rank_max = options_.rank_max};
  start_fetching(now);
}

void Session::on_message(wire::NextRound message, TimePoint now) {
  if (!joined() || message.session != session_ || !heard_) {
    return;  // an idle client's heartbeat brings it again, in full
  }
  const Digest model = digest_of(message.body);
  if (shortened(model) != message.model) {
    notes_.push_back(str("round ", message.round, ": the model was damaged on its way"));
    return;
  }
  brief_ = true;
  wire::Assignment next = *heard_;
  next.round = message.round;
  next.model = model;
  next.model_bytes = message.body.size();
  next.learning_rate_factor = message.learning_rate_factor;
  next.base_version = message.base_version;
  next.counted = message.counted;
  next.state = {};  // its first half is all that is looked at
  std::ranges::copy(message.state.bytes, next.state.bytes.begin());
  arrived_.emplace(model, std::move(message.body));
  on_message(next, now);
}

/// What the assignment names: the backbone, if it is not here, then the model.
void Session::start_fetching(TimePoint now) {
  state_ = SessionState::kFetching;
  const bool cached = (backbone_ != nullptr && backbone_digest_ == assignment_.backbone) ||
                      memory_.has_backbone(assignment_.backbone, assignment_.backbone_bytes);
  if (cached && take_arrived()) {
    return;
  }
  const Digest& object = cached ? assignment_.model : assignment_.backbone;
  if (download_ && download_->object() == object) {
    download_->restart_requests();  // what came before the connection was lost is kept
  } else if (cached) {
    download_model();
  } else {
    download_.emplace(object, assignment_.backbone_bytes, welcome_.chunk_bytes, welcome_.window,
                      memory_.incoming_backbone(assignment_.backbone, assignment_.backbone_bytes));
  }
  fetch(now);
}

void Session::download_model() {
  download_.emplace(assignment_.model, assignment_.model_bytes, welcome_.chunk_bytes,
                    welcome_.window);
}

bool Session::take_arrived() {
  if (!arrived_ || arrived_->first != assignment_.model) {
    return false;
  }
  on_model(std::exchange(arrived_, std::nullopt)->second);
  return true;
}

/// Everything that the work in hand needs is here.
void Session::on_model(Bytes model) {
  work_->model = std::move(model);
  if (backbone_digest_ == assignment_.backbone) {
    work_->fetched_backbone = std::exchange(backbone_, nullptr);
  }
  download_.reset();
  if (finishing_) {
    model_ = std::exchange(work_, std::nullopt);
    end_run();
  } else {
    state_ = SessionState::kTraining;
  }
}

void Session::fetch_model(wire::Bye message, TimePoint now) {
  assignment_ = {.session = message.session,
                 .round = message.round,
                 .model = message.model,
                 .model_bytes = message.model_bytes,
                 .backbone = message.backbone,
                 .backbone_bytes = message.backbone_bytes};
  work_ = Work{.key = {welcome_.run, message.round, message.model},
               .client = ClientId{welcome_.client},
               .plan = std::string(text_of(welcome_.body)),
               .backbone = message.backbone,
               .fetched_backbone = nullptr,
               .model = {}};
  finishing_ = std::move(message);
  silent_retries_ = 0;
  start_fetching(now);
}

void Session::on_message(wire::Chunk message, TimePoint now) {
  if (state_ != SessionState::kFetching || message.session != session_ || !download_) {
    return;
  }
  download_->on_chunk(std::move(message));
  if (auto object = download_->take_finished()) {
    if (download_->object() == assignment_.model) {
      on_model(std::move(*object));
      return;
    }
    backbone_ = std::move(object);
    backbone_digest_ = assignment_.backbone;
    if (take_arrived()) {
      return;
    }
    download_model();
  }
  fetch(now);
}

void Session::on_message(const wire::Verdict& message, TimePoint now) {
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
      notes_.emplace_back("the coordinator has no room for now: " + message.detail);
      progress_ = now + kStorageWait - options_.retry;
      return;
    case wire::VerdictKind::kRejected:
      // Not done: if the round is opened again, under other limits, it may be tried again.
      notes_.push_back(str("round ", message.round, ": our update was rejected: ", message.detail));
      break;
    default:
      done_round_ = message.round;
      break;
  }
  memory_.keep_update({}, nullptr);
  update_ = {};
  become_idle(now);
}

void Session::on_message(const wire::Reject& message, TimePoint now) {
  switch (message.code) {
    case wire::RejectCode::kUnknownSession:
      if (message.session == session_ && joined()) {
        if (finishing_) {
          notes_.emplace_back("the last global model did not come: the coordinator has gone on");
          end_run();
          return;
        }
        // The coordinator restarted, or dropped us: a new session, by a new nonce.
        nonce_ += kNonceStep;
        say_hello(now);
      }
      return;
    case wire::RejectCode::kNotFound:
      if (finishing_) {
        notes_.emplace_back("the last global model did not come: the coordinator has it no more");
        end_run();
      } else if (state_ == SessionState::kFetching && message.session == session_) {
        become_idle(now);  // that round is over; the next assignment comes by itself
      }
      return;
    case wire::RejectCode::kNoCommonVersion:
      end_ = wire::Bye{.reason = wire::ByeReason::kStopping, .detail = message.detail};
      state_ = SessionState::kEnded;
      return;
    default:
      notes_.emplace_back("the coordinator did not understand us: " + message.detail);
  }
}

void Session::on_message(wire::HeartbeatAck /*message*/, TimePoint /*now*/) {
  // That the peer lives is no progress of a transfer: lost chunks are still asked for again.
}

void Session::on_message(wire::Bye message, TimePoint now) {
  if (message.session != session_ || !joined() || finishing_) {
    return;
  }
  if (message.reason == wire::ByeReason::kStopping) {
    notes_.emplace_back("the coordinator is stopping; waiting for it to come back");
    lose_session(SessionState::kOffline);
    connected_ = false;  // until the transport says so again
    return;
  }
  if (message.reason == wire::ByeReason::kFinished) {
    const bool offered =
        message.model != Digest{} && message.model_bytes > 0 &&
        std::max(message.model_bytes, message.backbone_bytes) <= options_.largest_object;
    if (options_.keep_model && offered) {
      fetch_model(std::move(message), now);
    } else {
      finishing_ = std::move(message);
      end_run();
    }
    return;
  }
  session_ = {};
  end_ = std::move(message);
  state_ = SessionState::kEnded;
}

}  // namespace lorae::client
