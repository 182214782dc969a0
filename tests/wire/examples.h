#pragma once

#include <string>
#include <vector>

#include "tests/base/support.h"
#include "wire/messages.h"

namespace lorae::wire {

/// A message and the bytes that it has on the wire.
struct Example {
  Message message;
  std::string head;  ///< hexadecimal
  std::string body;
};

inline Digest filled(int byte) {
  Digest digest;
  digest.bytes.fill(static_cast<std::byte>(byte));
  return digest;
}

/// `byte`, 32 times: the digest `filled(byte)` as a binary of 32 bytes.
inline std::string packed_digest(const std::string& byte) {
  std::string hex = "c420";
  for (int i = 0; i < 32; ++i) {
    hex += byte;
  }
  return hex;
}

inline ShortDigest short_filled(int byte) {
  return shortened(filled(byte));
}

inline std::string packed_short_digest(const std::string& byte) {
  return "c410" + packed_digest(byte).substr(4, 32);
}

inline constexpr SessionId kSession{5};
inline constexpr RoundId kRound{12};

/// Every message once, with the fields that it had at first: these bytes are readable forever. They
/// were written by hand after the msgpack specification: an array of magic (cd 4c52), version (02),
/// kind and the fields in order.
inline std::vector<Example> examples() {
  const std::string ab = packed_digest("ab");
  const std::string cd = packed_digest("cd");
  return {
      {Hello{.nonce = 7,
             .software = "test",
             .codecs = "int8,zstd",
             .rank_max = 8,
             .held_run = "r1",
             .held_version = RoundId{11},
             .own_data = 1},
       "9c cd4c52 02 01 07 02 02 a474657374 a9696e74382c7a737464 08 a27231 0b 01", ""},
      {Welcome{.session = kSession,
               .nonce = 7,
               .run = "r1",
               .client = "ada",
               .body = bytes_from("x = 1")},
       "9a cd4c52 02 02 05 07 a27231 a3616461 ce00040000 02 cd2710", "x = 1"},
      {Assignment{.session = kSession,
                  .round = kRound,
                  .model = filled(0xab),
                  .model_bytes = 300,
                  .backbone = filled(0xcd),
                  .backbone_bytes = 70000,
                  .share_index = 3,
                  .share_count = 20,
                  .learning_rate_factor = 0.5,
                  .base_version = RoundId{11}},
       "9d cd4c52 02 03 05 0c" + ab + "cd012c" + cd + "ce00011170 03 14 cb3fe0000000000000 0b", ""},
      {Get{.session = kSession, .object = filled(0xab), .offset = 262144},
       "96 cd4c52 02 04 05" + ab + "ce00040000", ""},
      {Chunk{.session = kSession, .object = filled(0xab), .total = 3, .body = bytes_from("abc")},
       "97 cd4c52 02 05 05" + ab + "00 03", "abc"},
      {Update{.session = kSession,
              .round = kRound,
              .object = filled(0xab),
              .total = 3,
              .num_examples = 600,
              .metrics = {{"loss", 0.25}, {"a", 1}},
              .body = bytes_from("xyz")},
       "9a cd4c52 02 06 05 0c" + ab +
           "00 03 cd0258 82 a46c6f7373 cb3fd0000000000000 a161 cb3ff0000000000000",
       "xyz"},
      {Verdict{.session = kSession,
               .round = kRound,
               .kind = VerdictKind::kAccepted,
               .next_offset = 3,
               .detail = "ok"},
       "98 cd4c52 02 07 05 0c 02 03 a26f6b", ""},
      {Reject{.session = kSession, .code = RejectCode::kUnknownSession, .detail = "who"},
       "96 cd4c52 02 08 05 cd0191 a377686f", ""},
      {Heartbeat{.session = kSession, .round = kRound, .state = ClientState::kTraining},
       "96 cd4c52 02 09 05 0c 03", ""},
      {HeartbeatAck{.session = kSession, .round = kRound}, "95 cd4c52 02 0a 05 0c", ""},
      {Bye{.session = kSession, .reason = ByeReason::kFinished, .detail = "done"},
       "96 cd4c52 02 0b 05 01 a4646f6e65", ""},
      {Decline{.session = kSession, .round = kRound, .detail = "no"},
       "96 cd4c52 02 0c 05 0c a26e6f", ""},
      {NextRound{.session = kSession,
                 .round = kRound,
                 .model = short_filled(0xab),
                 .learning_rate_factor = 0.5,
                 .base_version = RoundId{11},
                 .counted = RoundId{10},
                 .body = bytes_from("abc")},
       "99 cd4c52 02 0d 05 0c" + packed_short_digest("ab") + "cb3fe0000000000000 0b 0a", "abc"},
      {WholeUpdate{.session = kSession,
                   .round = kRound,
                   .object = short_filled(0xab),
                   .num_examples = 600,
                   .metrics = {{"loss", 0.25}},
                   .body = bytes_from("xyz")},
       "98 cd4c52 02 0e 05 0c" + packed_short_digest("ab") +
           "cd0258 81 a46c6f7373 cb3fd0000000000000",
       "xyz"},
  };
}

inline Frame frame_of(const Example& example) {
  return {from_hex(example.head), bytes_from(example.body)};
}

}  // namespace lorae::wire
