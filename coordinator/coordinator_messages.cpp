#include <algorithm>
#include <utility>

#include "coordinator/coordinator.h"

// What the coordinator does with each message of a client; coordinator.cpp has the life of rounds.
namespace lorae::coordinator {
namespace {

constexpr std::size_t kPendingBytes = 8U << 20U;  // then updates are made durable at once

/// The ledger's word for a client's message.
const char* layer_of(const Result<wire::Message, wire::Unreadable>& message) {
  if (!message) {
    return kLayerControl;
  }
  const bool is_update = std::holds_alternative<wire::Update>(*message) ||
                         std::holds_alternative<wire::WholeUpdate>(*message);
  return is_update                                           ? kLayerUpdate
         : std::holds_alternative<wire::Heartbeat>(*message) ? kLayerHeartbeat
                                                             : kLayerControl;
}

/// What clients may say of their trainings: numbers of other names are the evaluator's.
Metrics of_clients(const Metrics& said) {
  Metrics own;
  for (const auto& [name, value] : said) {
    if (name.starts_with("loss/") || name.starts_with("client/")) {
      own.set(name, value);
    }
  }
  return own;
}

}  // namespace

void Coordinator::send(const ClientId& client,
                       transport::ConnectionId connection,
                       wire::Message message,
                       const char* layer) {
  wire::Frame frame = wire::pack(std::move(message));
  traffic_.count(client, runs::Direction::kDownlink, layer, bytes_of(frame));
  channel_.send(connection, std::move(frame));
}

void Coordinator::on_frame(transport::ConnectionId connection,
                           const ClientId& client,
                           wire::Frame frame,
                           TimePoint now) {
  const MessageBytes bytes = bytes_of(frame);
  auto message = wire::unpack(std::move(frame));
  traffic_.spoke(client, connection);
  traffic_.count(client, runs::Direction::kUplink, layer_of(message), bytes);
  if (!message) {
    on_unreadable(connection, client, message.error());
    return;
  }
  if (const auto* hello = std::get_if<wire::Hello>(&*message)) {
    on_hello(connection, client, *hello, now);
    return;
  }
  if (const auto* reject = std::get_if<wire::Reject>(&*message)) {
    note("client.rejected", log_details("client=", client, ' ', reject->detail));  // never answered
    return;
  }
  std::visit(
      [&](auto& typed) {
        if constexpr (requires { typed.session; }) {
          const Roster::Member* member = roster_.find(client, typed.session, now);
          if (member == nullptr) {
            send(client, connection,
                 wire::Reject{.session = typed.session,
                              .code = wire::RejectCode::kUnknownSession,
                              .detail = "unknown session; say Hello"});
            return;
          }
          on_message(*member, client, typed);
        }
      },
      *message);
  if (pending_bytes_ > kPendingBytes) {
    advance(now);
  }
}

/// Bytes that are no message of ours get an answer that their sender can read, whatever it speaks.
void Coordinator::on_unreadable(transport::ConnectionId connection,
                                const ClientId& client,
                                const wire::Unreadable& why) {
  using Why = wire::Unreadable::Why;
  note("frame.unreadable", log_details("client=", client, ' ', why.what()));
  const wire::RejectCode code = why.why() == Why::kOtherVersion ? wire::RejectCode::kNoCommonVersion
                                : why.why() == Why::kUnknownKind ? wire::RejectCode::kUnknownKind
                                                                 : wire::RejectCode::kMalformed;
  wire::Frame frame = wire::pack_for(why.version(), {.code = code, .detail = why.what()});
  traffic_.count(client, runs::Direction::kDownlink, kLayerControl, bytes_of(frame));
  channel_.send(connection, std::move(frame));
}

template <typename Other>
void Coordinator::on_message(const Roster::Member& member,
                             const ClientId& client,
                             const Other& /*other*/) {
  send(client, member.connection,
       wire::Reject{.session = member.session, .detail = "a message that only coordinators send"});
}

void Coordinator::on_hello(transport::ConnectionId connection,
                           const ClientId& client,
                           const wire::Hello& hello,
                           TimePoint now) {
  if (hello.min_version > wire::kVersion || hello.max_version < wire::kVersion) {
    send(client, connection,
         wire::Reject{.code = wire::RejectCode::kNoCommonVersion,
                      .detail = str("this coordinator speaks protocol version ", wire::kVersion,
                                    "; update the older side")});
    return;
  }
  const bool holds_ours = hello.held_run == settings_.run;
  const auto joined =
      roster_.join(client, {.nonce = hello.nonce,
                            .connection = connection,
                            .heard = now,
                            .own_data = hello.own_data != 0,
                            .held_version = holds_ours ? hello.held_version : RoundId{},
                            .brief = hello.brief != 0});
  if (joined.replaced) {
    note("client.replaced", log_details("client=", client));
    send(client, joined.replaced->connection,
         wire::Bye{.session = joined.replaced->session,
                   .reason = wire::ByeReason::kReplaced,
                   .detail = "another client with this name and key has connected"});
  }
  uploads_.forget(client);
  resting_.erase(client);
  send(client, connection,
       wire::Welcome{
           .session = joined.member.session,
           .nonce = hello.nonce,
           .run = settings_.run,
           .client = client.name,
           .heartbeat_ms = static_cast<std::uint64_t>(settings_.federation.heartbeat * 1000),
           .body = copy_of(view_of(settings_.plan(client)))});
  note("client.joined", log_details("client=", client, " software=", hello.software,
                                    " present=", roster_.members().size()));
  if (needs_share(client) && std::ssize(shares_) >= settings_.federation.clients) {
    turn_away(client);
  } else if (round_) {
    round_->returned(client);
    if (round_->awaits(client)) {
      assign(client);
    }
  }
}

void Coordinator::on_message(const Roster::Member& member,
                             const ClientId& client,
                             const wire::Get& get) {
  const Bytes* model = broadcast_.find(get.object);
  const Bytes* object = model != nullptr                 ? model
                        : get.object == backbone_digest_ ? &settings_.backbone
                                                         : nullptr;
  if (object == nullptr || get.offset >= object->size()) {
    send(client, member.connection,
         wire::Reject{.session = member.session,
                      .code = wire::RejectCode::kNotFound,
                      .detail = "no such object; was its round closed?"});
    return;
  }
  const std::size_t size = std::min(wire::kDefaultChunk, object->size() - get.offset);
  const bool trains = model != nullptr && !finished();  // the last state is for keeping
  if (trains && get.offset + size == object->size()) {
    traffic_.count(client, runs::Direction::kDownlink, broadcast_.stages(get.object));
  }
  send(client, member.connection,
       wire::Chunk{.session = member.session,
                   .object = get.object,
                   .offset = get.offset,
                   .total = object->size(),
                   .body = copy_of(ByteView(*object).subspan(get.offset, size))},
       model != nullptr ? kLayerModel : kLayerBackbone);
}

std::pair<wire::VerdictKind, const char*> Coordinator::judge(RoundId round,
                                                             const ClientId& client) const {
  using Kind = wire::VerdictKind;
  if (paused_) {  // first: a round that has its result is not over before that is on the disk
    return {Kind::kWait, "no space left on the coordinator's disk"};
  }
  if (result_ || !round_) {
    const bool late = result_ || round <= state_.version();
    return {late ? Kind::kLate : Kind::kRejected, "no round is open for it"};
  }
  const bool pending = std::ranges::any_of(
      pending_, [&](const Pending& other) { return other.update.client == client; });
  return {pending ? Kind::kDuplicate : round_->judge(round, client), "not awaited in this round"};
}

void Coordinator::on_message(const Roster::Member& member,
                             const ClientId& client,
                             wire::Update& update) {
  Pending pending{.session = member.session, .connection = member.connection};
  pending.update.client = client;
  pending.update.round = update.round;
  if (const auto [kind, why] = judge(update.round, client); kind != wire::VerdictKind::kAccepted) {
    if (kind != wire::VerdictKind::kDuplicate || round_->judge(update.round, client) == kind) {
      verdict(pending, kind, why);
    }  // else the answer comes when the first one is durable
    return;
  }
  Uploads::Step step = uploads_.add(client, std::move(update));
  if (step.kind == wire::VerdictKind::kAccepted) {
    auto receipt = intake_.accept(step.finished.payload, broadcast_.held(), step.finished.round);
    if (receipt) {
      roster_.holds(client, state_.version());  // it trained from there
      pending.update = std::move(step.finished);
      pending.update.metrics = of_clients(pending.update.metrics);
      pending.receipt = *std::move(receipt);
      pending_bytes_ += pending.update.payload.size();
      pending_.push_back(std::move(pending));  // answered by flush_updates, when durable
      return;
    }
    step.kind = wire::VerdictKind::kRejected;
    step.detail = receipt.error().what();
  }
  if (step.kind == wire::VerdictKind::kRejected) {
    reject(pending, step.detail);
    return;
  }
  send(client, member.connection,
       wire::Verdict{.session = member.session,
                     .round = pending.update.round,
                     .kind = step.kind,
                     .next_offset = step.next_offset,
                     .detail = step.detail});
}

void Coordinator::on_message(const Roster::Member& member,
                             const ClientId& client,
                             wire::WholeUpdate& whole) {
  const Digest object = digest_of(whole.body);
  if (shortened(object) != whole.object) {  // damaged on the way: it is sent again
    send(client, member.connection, wire::Verdict{.session = member.session, .round = whole.round});
    return;
  }
  wire::Update update{.session = whole.session,
                      .round = whole.round,
                      .object = object,
                      .total = whole.body.size(),
                      .num_examples = whole.num_examples,
                      .metrics = std::move(whole.metrics),
                      .body = std::move(whole.body)};
  on_message(member, client, update);
}

/// Not usable, and never will be: the round does not wait for it.
void Coordinator::reject(const Pending& pending, const std::string& why) {
  note("update.rejected",
       log_details("client=", pending.update.client, " round=", pending.update.round, ' ', why));
  round_->dropped(pending.update.client, why);
  verdict(pending, wire::VerdictKind::kRejected, why);
}

void Coordinator::on_message(const Roster::Member& member,
                             const ClientId& client,
                             const wire::Heartbeat& beat) {
  send(client, member.connection,
       wire::HeartbeatAck{.session = member.session, .round = counting_round()}, kLayerHeartbeat);
  if (beat.state == wire::ClientState::kIdle && round_ && round_->awaits(client)) {
    assign(client, /*in_full=*/true);  // it missed the first one
  }
}

void Coordinator::on_message(const Roster::Member& /*member*/,
                             const ClientId& client,
                             const wire::Decline& decline) {
  if (round_ && round_->id() == decline.round && decline.needs_start != 0) {
    roster_.holds(client, RoundId{0});
    assign(client);
    return;
  }
  if (round_ && round_->id() == decline.round) {
    note("update.declined",
         log_details("client=", client, " round=", decline.round, ' ', decline.detail));
    round_->dropped(client, decline.detail);
  }
}

void Coordinator::on_message(const Roster::Member& /*member*/,
                             const ClientId& client,
                             const wire::Bye& bye) {
  note("client.left", log_details("client=", client, ' ', bye.detail));
  roster_.leave(client);
  uploads_.forget(client);
  if (round_ && round_->awaits(client)) {
    // Its Bye may have crossed the Assignment: then it declined nothing.
    round_->dropped(client, str("it left: ", bye.detail));
  }
}

void Coordinator::send_bye(const ClientId& client, const Roster::Member& member, bool finished) {
  wire::Bye bye{.session = member.session,
                .reason = wire::ByeReason::kStopping,
                .detail = "the coordinator is stopping"};
  if (finished) {
    const Broadcast::Offer offer = broadcast_.offer({});
    bye = {.session = member.session,
           .reason = wire::ByeReason::kFinished,
           .detail = "all rounds are done",
           .model = offer.object,
           .model_bytes = offer.bytes,
           .backbone = backbone_digest_,
           .backbone_bytes = settings_.backbone.size(),
           .round = state_.version()};
  }
  send(client, member.connection, std::move(bye));
}

bool Coordinator::on_frame_after_bye(transport::ConnectionId connection,
                                     const ClientId& client,
                                     wire::Frame frame,
                                     TimePoint now) {
  const MessageBytes bytes = bytes_of(frame);
  const auto message = wire::unpack(std::move(frame));
  traffic_.spoke(client, connection);
  traffic_.count(client, runs::Direction::kUplink, layer_of(message), bytes);
  if (!message) {
    return false;
  }
  if (const auto* hello = std::get_if<wire::Hello>(&*message)) {
    on_hello(connection, client, *hello, now);
  }
  const auto member = roster_.members().find(client);
  if (member == roster_.members().end()) {
    return false;
  }
  if (std::holds_alternative<wire::Bye>(*message)) {
    roster_.leave(client);
    return false;
  }
  const auto* get = std::get_if<wire::Get>(&*message);
  const bool has = get != nullptr &&
                   (broadcast_.find(get->object) != nullptr || get->object == backbone_digest_);
  if (has && get->session == member->second.session) {  // the last global state, or its backbone
    on_message(member->second, client, *get);
    return true;
  }
  send_bye(client, member->second, /*finished=*/true);
  return false;
}

void Coordinator::verdict(const Pending& pending,
                          wire::VerdictKind kind,
                          const std::string& detail) {
  send(pending.update.client, pending.connection,
       wire::Verdict{.session = pending.session,
                     .round = pending.update.round,
                     .kind = kind,
                     .detail = detail});
}

}  // namespace lorae::coordinator
