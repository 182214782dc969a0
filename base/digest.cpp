#include "base/digest.h"

#include <sodium.h>

#include <algorithm>

#include "base/error.h"

namespace lorae {
namespace {

const unsigned char* raw(ByteView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

struct Hasher::State {
  crypto_generichash_state blake;
};

Hasher::Hasher() : state_(std::make_unique<State>()) {
  check(sodium_init() >= 0, ErrorCode::kUnavailable, "[digest] libsodium does not start");
  crypto_generichash_init(&state_->blake, nullptr, 0, sizeof(Digest::bytes));
}

Hasher::~Hasher() = default;

void Hasher::add(ByteView bytes) {
  crypto_generichash_update(&state_->blake, raw(bytes), bytes.size());
}

Digest Hasher::finish() {
  Digest digest;
  crypto_generichash_final(&state_->blake, reinterpret_cast<unsigned char*>(digest.bytes.data()),
                           digest.bytes.size());
  return digest;
}

Digest digest_of(ByteView bytes) {
  Hasher hasher;
  hasher.add(bytes);
  return hasher.finish();
}

ShortDigest shortened(const Digest& digest) {
  ShortDigest half;
  std::copy_n(digest.bytes.begin(), half.bytes.size(), half.bytes.begin());
  return half;
}

}  // namespace lorae
