#include "client/download.h"

#include <algorithm>
#include <utility>

namespace lorae::client {

Download::Download(const Digest& object,
                   std::uint64_t size,
                   std::uint64_t chunk,
                   std::uint64_t window,
                   std::shared_ptr<ObjectBuffer> into)
    : object_(object),
      size_(size),
      chunk_(chunk),
      window_(window),
      into_(into ? std::move(into) : std::make_shared<ObjectBuffer>(size)) {}

std::vector<wire::Get> Download::take_requests(SessionId session) {
  std::vector<wire::Get> requests;
  while (requested_ < size_ && requested_ < received_ + window_ * chunk_) {
    requests.push_back({.session = session, .object = object_, .offset = requested_});
    requested_ += std::min(chunk_, size_ - requested_);
  }
  return requests;
}

void Download::on_chunk(wire::Chunk chunk) {
  const bool expected = chunk.object == object_ && chunk.offset == received_ &&
                        chunk.total == size_ &&
                        chunk.body.size() == std::min(chunk_, size_ - received_);
  if (!expected) {
    return;
  }
  if (!into_->put(received_, chunk.body)) {
    start_over();  // what another download put there was damaged, or this is
    return;
  }
  received_ += chunk.body.size();
  if (!hasher_) {
    hasher_ = std::make_unique<Hasher>();
  }
  hasher_->add(chunk.body);
}

void Download::restart_requests() {
  requested_ = received_;
}

void Download::start_over() {
  into_ = std::make_shared<ObjectBuffer>(size_);
  hasher_.reset();
  received_ = requested_ = 0;
}

std::shared_ptr<Bytes> Download::take_finished() {
  if (received_ < size_) {
    return nullptr;
  }
  if ((hasher_ ? hasher_->finish() : digest_of({})) != object_) {
    start_over();
    return nullptr;
  }
  return {into_, &into_->bytes()};
}

}  // namespace lorae::client
