#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/session.h"
#include "tests/base/support.h"

namespace lorae::client {

inline constexpr std::uint64_t kNonce = 77;
inline constexpr SessionId kSession{5};
inline constexpr auto kRetry = std::chrono::seconds(5);
inline constexpr auto kHeartbeat = std::chrono::seconds(10);
inline constexpr std::uint64_t kChunk = 4;

inline Bytes backbone_bytes() {
  return bytes_from("backbone!!");
}  // chunks: back bone !!
inline Bytes model_bytes(std::uint64_t round) {
  return bytes_from("model" + std::to_string(round));
}
inline UpdateKey key_of(std::uint64_t round, const std::string& run = "run") {
  return {run, RoundId{round}, digest_of(model_bytes(round))};
}
/// An update of ten bytes, which makes three chunks.
inline TrainedUpdate trained() {
  return {bytes_from("0123456789"), 40, {{"loss/train", 0.5}, {"loss/box", 0.25}}};
}

class FakeMemory final : public Memory {
 public:
  bool has_backbone(const Digest& digest, std::uint64_t bytes) const override {
    ++looks;
    const auto found = backbones.find(digest);
    return found != backbones.end() && found->second.size() == bytes;
  }
  std::shared_ptr<const Bytes> backbone(const Digest& /*digest*/) override {
    ADD_FAILURE() << "the protocol reads no backbone";
    return nullptr;
  }
  void keep_backbone(const Digest& /*digest*/, std::shared_ptr<const Bytes> /*bytes*/) override {
    ADD_FAILURE() << "the protocol writes no backbone";
  }
  std::optional<TrainedUpdate> update(const UpdateKey& key) override {
    return kept && kept->first == key ? std::optional(kept->second) : std::nullopt;
  }
  void keep_update(const UpdateKey& key, const TrainedUpdate* update) override {
    check(!full, ErrorCode::kUnavailable, "[file] disk full");
    kept.reset();
    if (update != nullptr) {
      kept.emplace(key, *update);
    }
  }

  OwnState& own_state() override {
    ADD_FAILURE() << "the protocol knows nothing of it";
    return own;
  }

  mutable int looks = 0;  // at the backbone
  OwnState own{{}};
  std::map<Digest, Bytes> backbones;
  std::optional<std::pair<UpdateKey, TrainedUpdate>> kept;
  bool full = false;
};

/// A session, a coordinator made by hand, and a clock that moves when it is told to.
class SessionTest : public testing::Test {
 protected:
  explicit SessionTest(Memory* memory = nullptr)
      : session_(memory == nullptr ? memory_ : *memory,
                 kNonce,
                 {.software = "test", .retry = kRetry, .largest_object = 1000}) {}

  void hear(wire::Message message) { session_.on_frame(wire::pack(std::move(message)), now_); }

  void pass(Duration duration) {
    now_ += duration;
    session_.on_tick(now_);
  }

  /// Everything that was sent since the last time.
  std::vector<wire::Message> take() {
    std::vector<wire::Message> messages;
    for (wire::Frame& frame : session_.take_outgoing()) {
      messages.push_back(wire::unpack(std::move(frame)).value());
    }
    return messages;
  }

  /// The messages of one kind that were sent since the last time; others are an error.
  template <typename M>
  std::vector<M> take_all() {
    std::vector<M> typed;
    for (wire::Message& message : take()) {
      EXPECT_TRUE(std::holds_alternative<M>(message)) << "kind index " << message.index();
      if (M* wanted = std::get_if<M>(&message)) {
        typed.push_back(std::move(*wanted));
      }
    }
    return typed;
  }

  /// The one message that was sent since the last time.
  template <typename M>
  M take_one() {
    auto messages = take_all<M>();
    EXPECT_EQ(messages.size(), 1U);
    return messages.empty() ? M{} : std::move(messages.front());
  }

  std::vector<std::uint64_t> take_offsets(const Bytes& object) {
    std::vector<std::uint64_t> offsets;
    for (const wire::Get& get : take_all<wire::Get>()) {
      EXPECT_EQ(get.object, digest_of(object));
      EXPECT_EQ(get.session, kSession);
      offsets.push_back(get.offset);
    }
    return offsets;
  }

  static wire::Welcome welcome(const std::string& run = "run") {
    return {.session = kSession,
            .nonce = kNonce,
            .run = run,
            .client = "ada",
            .chunk_bytes = kChunk,
            .window = 2,
            .heartbeat_ms = 10000,
            .body = bytes_from("the plan")};
  }

  static wire::Assignment assignment(std::uint64_t round) {
    return {.session = kSession,
            .round = RoundId{round},
            .model = digest_of(model_bytes(round)),
            .model_bytes = model_bytes(round).size(),
            .backbone = digest_of(backbone_bytes()),
            .backbone_bytes = backbone_bytes().size(),
            .share_index = 3,
            .share_count = 20,
            .learning_rate_factor = 0.5};
  }

  static wire::Chunk chunk(const Bytes& object, std::uint64_t offset) {
    const auto size = std::min<std::uint64_t>(kChunk, object.size() - offset);
    return {.session = kSession,
            .object = digest_of(object),
            .offset = offset,
            .total = object.size(),
            .body = copy_of(ByteView(object).subspan(offset, size))};
  }

  static wire::Verdict verdict(wire::VerdictKind kind,
                               std::uint64_t next_offset = 0,
                               std::uint64_t round = 1) {
    return {.session = kSession,
            .round = RoundId{round},
            .kind = kind,
            .next_offset = next_offset,
            .detail = "because"};
  }

  void join() {
    session_.on_connected(now_);
    take();
    hear(welcome());
  }

  /// Answers every Get until there are no more.
  void serve(const Bytes& object) {
    for (auto gets = take_all<wire::Get>(); !gets.empty(); gets = take_all<wire::Get>()) {
      for (const wire::Get& get : gets) {
        hear(chunk(object, get.offset));
      }
    }
  }

  /// Joined, and training for `round` with the backbone from memory.
  Work train(std::uint64_t round = 1) {
    memory_.backbones[digest_of(backbone_bytes())] = backbone_bytes();
    join();
    hear(assignment(round));
    serve(model_bytes(round));
    auto work = session_.take_work();
    EXPECT_TRUE(work);
    return work.value_or(Work{});
  }

  FakeMemory memory_;
  Session session_;
  TimePoint now_{};
};

}  // namespace lorae::client
