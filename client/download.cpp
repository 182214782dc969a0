#include "client/download.h"

#include <algorithm>

namespace lorae::client {

Download::Download(const Digest& object,
                   std::uint64_t size,
                   std::uint64_t chunk,
                   std::uint64_t window)
    : object_(object), size_(size), chunk_(chunk), window_(window) {}

std::vector<wire::Get> Download::take_requests(SessionId session) {
  std::vector<wire::Get> requests;
  while (requested_ < size_ && requested_ < received_.size() + window_ * chunk_) {
    requests.push_back({.session = session, .object = object_, .offset = requested_});
    requested_ += std::min(chunk_, size_ - requested_);
  }
  return requests;
}

void Download::on_chunk(wire::Chunk chunk) {
  const bool expected = chunk.object == object_ && chunk.offset == received_.size() &&
                        chunk.total == size_ &&
                        chunk.body.size() == std::min(chunk_, size_ - received_.size());
  if (expected) {
    if (received_.empty()) {
      received_.reserve(size_);  // growing would copy all of it now and then
      hasher_ = std::make_unique<Hasher>();
    }
    append(received_, chunk.body);
    hasher_->add(chunk.body);
  }
}

void Download::restart_requests() {
  requested_ = received_.size();
}

std::optional<Bytes> Download::take_finished() {
  if (received_.size() < size_) {
    return std::nullopt;
  }
  if ((hasher_ ? hasher_->finish() : digest_of({})) != object_) {
    received_.clear();
    requested_ = 0;
    return std::nullopt;
  }
  return std::move(received_);
}

}  // namespace lorae::client
