#include <gtest/gtest.h>

#include "tests/wire/examples.h"
#include "wire/fields.h"

// What readers make of messages with more or fewer fields than they know.
namespace lorae::wire {
namespace {

/// The elements of the array that a head is, and the bytes behind its own header.
struct Parts {
  std::size_t count = 0;
  std::string fields;  ///< hexadecimal
};

Parts parts_of(const Example& example) {
  const std::string hex = to_hex(from_hex(example.head));
  return {std::stoul(hex.substr(1, 1), nullptr, 16), hex.substr(2)};  // "9N": at most 15 elements
}

/// The same with every field that this build knows.
Parts known_parts_of(const Example& example) {
  Message message = example.message;
  const Bytes head = std::visit(
      [](auto& typed) { return pack_head(kVersion, typed, kArity<std::decay_t<decltype(typed)>>); },
      message);
  return parts_of({.message = example.message, .head = to_hex(head), .body = example.body});
}

/// The head of an array of `count` elements.
Bytes head_of(std::size_t count, const std::string& fields) {
  return from_hex(
      "dc" +
      to_hex(Bytes{static_cast<std::byte>(count >> 8U), static_cast<std::byte>(count & 0xffU)}) +
      fields);
}

/// One value of each msgpack type, and some that nest.
const std::vector<std::string> kFieldsOfLaterBuilds = {
    "00",
    "ff",
    "d3ffffffffffffffff",
    "cfffffffffffffffff",
    "c0",
    "c3",
    "ca3f800000",
    "cb7ff8000000000000",  // no number: fine in a field that is skipped
    "a3616263",
    "d903ff00fe",
    "c403616263",
    "d40511",        // an extension type
    "d6ff00000000",  // a timestamp
    "c70305616263",
    "90",
    "93 01 a161 91c0",
    "80",
    "82 a161 01 02 81 c0 93 00 00 00"};

TEST(Growth, SkipsOneFieldMoreOfAnyTypeInEveryKind) {
  for (const Example& example : examples()) {
    const Parts parts = known_parts_of(example);
    for (const std::string& field : kFieldsOfLaterBuilds) {
      const auto message =
          unpack({head_of(parts.count + 1, parts.fields + field), bytes_from(example.body)});

      ASSERT_TRUE(message) << example.head << " and " << field << ": " << message.error().what();
      EXPECT_EQ(pack(*message), frame_of(example)) << field;
    }
  }
}

TEST(Growth, SkipsManyFieldsMoreInEveryKind) {
  for (const Example& example : examples()) {
    Parts parts = known_parts_of(example);
    for (int times = 0; times < 20; ++times) {
      for (const std::string& field : kFieldsOfLaterBuilds) {
        parts.fields += field;
        ++parts.count;
      }
    }
    const auto message = unpack({head_of(parts.count, parts.fields), bytes_from(example.body)});

    ASSERT_TRUE(message) << example.head << ": " << message.error().what();
    EXPECT_EQ(pack(*message), frame_of(example));
  }
}

TEST(Growth, SkipsTextsAndBinariesLongerThanOurs) {
  std::string text = "da0600";
  std::string binary = "c50600";
  for (int i = 0; i < 0x600; ++i) {
    text += "78";
    binary += "00";
  }
  for (const Example& example : examples()) {
    const Parts parts = known_parts_of(example);

    const auto message =
        unpack({head_of(parts.count + 2, parts.fields + text + binary), bytes_from(example.body)});

    ASSERT_TRUE(message) << example.head << ": " << message.error().what();
    EXPECT_EQ(pack(*message), frame_of(example));
  }
}

TEST(Growth, RefusesEveryTruncationOfASkippedField) {
  for (const std::string& field : kFieldsOfLaterBuilds) {
    const Parts parts = known_parts_of(examples().front());
    const Bytes whole = head_of(parts.count + 1, parts.fields + field);
    const std::size_t known = whole.size() - from_hex(field).size();
    for (std::size_t size = known; size < whole.size(); ++size) {
      EXPECT_FALSE(unpack({first(whole, size), {}})) << field << " at " << size;
    }
  }
}

TEST(Growth, RefusesOneFieldLessThanProtocol20InEveryKind) {
  for (const Example& example : examples()) {
    const Frame whole = frame_of(example);
    // Cut before the last field: the longest shorter array that is whole.
    std::size_t shorter = 0;
    for (std::size_t size = 1; size < whole.head.size(); ++size) {
      Bytes head = first(whole.head, size);
      head[0] = static_cast<std::byte>(std::to_integer<unsigned>(head[0]) - 1U);
      const auto message = unpack({head, whole.body});
      ASSERT_FALSE(message) << example.head << " at " << size;
      shorter += std::string(message.error().what()).ends_with(": too few fields") ? 1U : 0U;
    }
    EXPECT_EQ(shorter, 1U) << example.head;
  }
}

TEST(Growth, RequiresInEveryKindExactlyTheFieldsOfProtocol20) {
  for (const Example& example : examples()) {
    const std::size_t required =
        std::visit([](const auto& message) { return std::decay_t<decltype(message)>::kRequired; },
                   example.message);

    EXPECT_EQ(parts_of(example).count, kPrefix + required) << example.head;
  }
}

/// A message of a later build: `added` and `words` came after its first version.
struct Grown {
  static constexpr Kind kKind = Kind::kHeartbeatAck;
  static constexpr std::size_t kRequired = 2;
  SessionId session = {};
  RoundId round = {};
  std::uint64_t added = 7;
  std::string words = "none";
  auto fields() { return std::tie(session, round, added, words); }
};

Grown read_grown(const std::string& head) {
  const Bytes bytes = from_hex(head);
  const auto handle = msgpack::unpack(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Grown message;
  read_fields(handle->via.array, message);
  return message;
}

TEST(Growth, GivesAbsentFieldsTheirDefaults) {
  const Grown none = read_grown("95 cd4c52 02 0a 05 0c");
  EXPECT_EQ(none.session, SessionId{5});
  EXPECT_EQ(none.round, RoundId{12});
  EXPECT_EQ(none.added, 7U);
  EXPECT_EQ(none.words, "none");

  const Grown one = read_grown("96 cd4c52 02 0a 05 0c 01");
  EXPECT_EQ(one.added, 1U);
  EXPECT_EQ(one.words, "none");

  const Grown all = read_grown("97 cd4c52 02 0a 05 0c 01 a161");
  EXPECT_EQ(all.added, 1U);
  EXPECT_EQ(all.words, "a");

  EXPECT_EQ(read_grown("98 cd4c52 02 0a 05 0c 01 a161 c0").words, "a");
}

TEST(Growth, StillChecksTheTypesOfFieldsThatMayBeAbsent) {
  EXPECT_THROW(read_grown("96 cd4c52 02 0a 05 0c a161"), std::runtime_error);
  EXPECT_THROW(read_grown("94 cd4c52 02 0a 05"), std::runtime_error);
}

TEST(Growth, WritesNoLastFieldsThatHaveTheirDefaults) {
  Grown grown{.session = SessionId{5}, .round = RoundId{12}};
  EXPECT_EQ(fields_to_write(grown), 2U);
  grown.words = "new";  // no holes: `added` goes with it
  EXPECT_EQ(fields_to_write(grown), 4U);
  grown = {.session = {}, .round = {}, .added = 1};
  EXPECT_EQ(fields_to_write(grown), 3U);
}

TEST(Growth, CarriesTheLastGlobalStateInAByeThatOldReadersTake) {
  const std::string ab = packed_digest("ab");
  const std::string cd = packed_digest("cd");
  Bye bye{.session = kSession,
          .reason = ByeReason::kFinished,
          .detail = "done",
          .model = filled(0xab),
          .model_bytes = 300,
          .backbone = filled(0xcd),
          .backbone_bytes = 70000,
          .round = kRound};

  const Frame frame = pack(bye);

  EXPECT_EQ(to_hex(frame.head), to_hex(from_hex("9b cd4c52 02 0b 05 01 a4646f6e65" + ab + "cd012c" +
                                                cd + "ce00011170 0c")));
  const auto read = std::get<Bye>(unpack(frame).value());
  EXPECT_EQ(read.model, filled(0xab));
  EXPECT_EQ(read.model_bytes, 300U);
  EXPECT_EQ(read.backbone, filled(0xcd));
  EXPECT_EQ(read.backbone_bytes, 70000U);
  EXPECT_EQ(read.round, kRound);
}

TEST(Growth, LetsTodaysReaderTakeAMessageOfALaterBuild) {
  Grown grown{.session = SessionId{5}, .round = RoundId{12}, .added = 1, .words = "new"};

  const auto message = unpack({pack_head(kVersion, grown, fields_to_write(grown)), {}});

  ASSERT_TRUE(message) << message.error().what();
  EXPECT_EQ(std::get<HeartbeatAck>(*message).session, SessionId{5});
  EXPECT_EQ(std::get<HeartbeatAck>(*message).round, RoundId{12});
}

}  // namespace
}  // namespace lorae::wire
