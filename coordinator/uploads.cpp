#include "coordinator/uploads.h"

#include <utility>

#include "base/str.h"

namespace lorae::coordinator {
namespace {

Uploads::Step rejected(std::string why) {
  return {.kind = wire::VerdictKind::kRejected, .detail = std::move(why), .finished = {}};
}

}  // namespace

Uploads::Step Uploads::add(const ClientId& client, wire::Update piece) {
  const auto examples_cap = static_cast<std::uint64_t>(limits_.max_examples);
  if (piece.num_examples < 1 || piece.num_examples > examples_cap) {
    return rejected(
        str("num_examples: expected 1 to ", examples_cap, ", got ", piece.num_examples));
  }
  if (piece.total < 1 || piece.total > limits_.update_bytes) {
    return rejected(str("an update of ", piece.total, " bytes; at most ", limits_.update_bytes,
                        " fit this model"));
  }
  const auto known = partial_.find(client);
  const bool same = known != partial_.end() && known->second.round == piece.round &&
                    known->second.object == piece.object && known->second.total == piece.total;
  if (!same) {
    forget(client);
    const bool whole = piece.offset == 0 && piece.body.size() == piece.total;
    if (!whole && partial_bytes_ > 0 && partial_bytes_ + piece.total > limits_.partial_bytes) {
      return {.kind = wire::VerdictKind::kWait,
              .detail = "other updates are on their way",
              .finished = {}};
    }
    partial_[client] = {piece.round, piece.object, piece.total, {}};
    partial_bytes_ += piece.total;
  }
  Partial& partial = partial_[client];
  const bool next = piece.offset == partial.data.size() && !piece.body.empty() &&
                    piece.body.size() <= partial.total - partial.data.size();
  if (next) {
    append(partial.data, piece.body);
  }
  if (partial.data.size() < partial.total) {  // more to come; or lost, repeated, reordered
    return {.next_offset = partial.data.size(), .detail = {}, .finished = {}};
  }
  Bytes payload = std::move(partial.data);
  forget(client);
  if (digest_of(payload) != piece.object) {
    // Damaged on the way, below what the transport can see: from the start again.
    return {.next_offset = 0, .detail = {}, .finished = {}};
  }
  return {
      .kind = wire::VerdictKind::kAccepted,
      .next_offset = piece.total,
      .detail = {},
      .finished = {client, piece.round, piece.object, static_cast<std::int64_t>(piece.num_examples),
                   std::move(piece.metrics), std::move(payload)}};
}

void Uploads::forget(const ClientId& client) {
  const auto partial = partial_.find(client);
  if (partial != partial_.end()) {
    partial_bytes_ -= partial->second.total;
    partial_.erase(partial);
  }
}

void Uploads::forget_all() {
  partial_.clear();
  partial_bytes_ = 0;
}

}  // namespace lorae::coordinator
