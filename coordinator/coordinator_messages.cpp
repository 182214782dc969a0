#include <algorithm>
#include <utility>

#include "coordinator/coordinator.h"

// What the coordinator does with each message of a client; coordinator.cpp has the life of rounds.
namespace lorae::coordinator {
namespace {

constexpr std::size_t kPendingBytes = 8U << 20U;  // then updates are made durable at once

}  // namespace

void Coordinator::send(const ClientId& client,
                       transport::ConnectionId connection,
                       wire::Message message,
                       const char* layer) {
  wire::Frame frame = wire::pack(std::move(message));
  traffic_.count(client, runs::Direction::kDownlink, layer, frame.size());
  channel_.send(connection, std::move(frame));
}

void Coordinator::on_frame(transport::ConnectionId connection,
                           const ClientId& client,
                           wire::Frame frame,
                           TimePoint now) {
  const std::size_t size = frame.size();
  auto message = wire::unpack(std::move(frame));
  const bool is_update = message && std::holds_alternative<wire::Update>(*message);
  traffic_.count(client, runs::Direction::kUplink, is_update ? kLayerUpdate : kLayerControl, size);
  if (!message) {
    const bool version = message.error().code() == ErrorCode::kIncompatible;
    note("frame.malformed", str("client=", client, ' ', message.error().what()));
    send(client, connection,
         wire::Reject{
             .code = version ? wire::RejectCode::kNoCommonVersion : wire::RejectCode::kMalformed,
             .detail = message.error().what()});
    return;
  }
  if (const auto* hello = std::get_if<wire::Hello>(&*message)) {
    on_hello(connection, client, *hello, now);
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
  const auto joined = roster_.join(client, hello.nonce, connection, now);
  if (joined.replaced) {
    note("client.replaced", str("client=", client));
    send(client, joined.replaced->connection,
         wire::Bye{.session = joined.replaced->session,
                   .reason = wire::ByeReason::kReplaced,
                   .detail = "another client with this name and key has connected"});
  }
  uploads_.forget(client);
  send(client, connection,
       wire::Welcome{
           .session = joined.member.session,
           .nonce = hello.nonce,
           .run = settings_.run,
           .client = client.name,
           .heartbeat_ms = static_cast<std::uint64_t>(settings_.federation.heartbeat * 1000),
           .body = copy_of(view_of(settings_.plan))});
  note("client.joined", str("client=", client, " present=", roster_.members().size()));
  if (round_ && round_->awaits(client)) {
    assign(client);
  }
}

void Coordinator::on_message(const Roster::Member& member,
                             const ClientId& client,
                             const wire::Get& get) {
  const bool is_model = get.object == model_.encoded_digest();
  const bool known = is_model || get.object == backbone_digest_;
  const Bytes& object = is_model ? model_.encoded() : settings_.backbone;
  if (!known || get.offset >= object.size()) {
    send(client, member.connection,
         wire::Reject{.session = member.session,
                      .code = wire::RejectCode::kNotFound,
                      .detail = "no such object; was its round closed?"});
    return;
  }
  const std::size_t size = std::min(wire::kDefaultChunk, object.size() - get.offset);
  send(client, member.connection,
       wire::Chunk{.session = member.session,
                   .object = get.object,
                   .offset = get.offset,
                   .total = object.size(),
                   .body = copy_of(ByteView(object).subspan(get.offset, size))},
       is_model ? kLayerModel : kLayerBackbone);
}

void Coordinator::on_message(const Roster::Member& member,
                             const ClientId& client,
                             wire::Update& update) {
  Pending pending{{}, member.session, member.connection};
  pending.update.client = client;
  pending.update.round = update.round;
  const auto judged = round_ ? round_->judge(update.round, client)
                             : (update.round <= model_.version() ? wire::VerdictKind::kLate
                                                                 : wire::VerdictKind::kRejected);
  if (judged != wire::VerdictKind::kAccepted || stepped_) {
    verdict(pending, stepped_ ? wire::VerdictKind::kLate : judged, "not awaited in this round");
    return;
  }
  if (paused_) {
    verdict(pending, wire::VerdictKind::kWait, "no space left on the coordinator's disk");
    return;
  }
  Uploads::Step step = uploads_.add(client, std::move(update));
  if (step.kind == wire::VerdictKind::kAccepted) {
    if (const auto checked = model_.check_update(step.finished.payload); !checked) {
      step.kind = wire::VerdictKind::kRejected;
      step.detail = checked.error().what();
    }
  }
  if (step.kind == wire::VerdictKind::kAccepted) {
    pending.update = std::move(step.finished);
    pending_bytes_ += pending.update.payload.size();
    pending_.push_back(std::move(pending));  // answered by flush_updates, when durable
    if (pending_bytes_ > kPendingBytes) {
      flush_updates();
    }
    return;
  }
  if (step.kind == wire::VerdictKind::kRejected) {
    note("update.rejected",
         str("client=", client, " round=", pending.update.round, ' ', step.detail));
    round_->dropped(client, step.detail);
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
                             const wire::Heartbeat& beat) {
  send(client, member.connection,
       wire::HeartbeatAck{.session = member.session, .round = counting_round()});
  if (beat.state == wire::ClientState::kIdle && round_ && round_->awaits(client)) {
    assign(client);  // it missed the first one
  }
}

void Coordinator::on_message(const Roster::Member& /*member*/,
                             const ClientId& client,
                             const wire::Decline& decline) {
  if (round_ && round_->id() == decline.round) {
    note("update.declined", str("client=", client, " round=", decline.round, ' ', decline.detail));
    round_->dropped(client, decline.detail);
  }
}

void Coordinator::on_message(const Roster::Member& /*member*/,
                             const ClientId& client,
                             const wire::Bye& /*bye*/) {
  note("client.left", str("client=", client));
  roster_.leave(client);
  uploads_.forget(client);
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
