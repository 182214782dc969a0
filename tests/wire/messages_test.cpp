#include "wire/messages.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "tests/wire/examples.h"

namespace lorae::wire {
namespace {

template <typename M>
M reread(M message) {
  return std::get<M>(unpack(pack(std::move(message))).value());
}

TEST(Messages, HaveTheCommittedBytes) {
  for (const Example& example : examples()) {
    const Frame frame = pack(example.message);

    EXPECT_EQ(to_hex(frame.head), to_hex(from_hex(example.head)));
    EXPECT_EQ(text_of(frame.body), example.body);
  }
}

TEST(Messages, AreReadBackFromTheCommittedBytes) {
  for (const Example& example : examples()) {
    const auto message = unpack(frame_of(example));

    ASSERT_TRUE(message) << example.head << ": " << message.error().what();
    EXPECT_EQ(message->index(), example.message.index()) << example.head;
    EXPECT_EQ(pack(*message), frame_of(example)) << example.head;
  }
}

TEST(Messages, AllHaveAnExampleAndAKindOfTheirOwn) {
  std::set<std::size_t> indices;
  std::set<std::byte> kinds;
  for (const Example& example : examples()) {
    indices.insert(example.message.index());
    kinds.insert(from_hex(example.head).at(5));
  }

  EXPECT_EQ(indices.size(), std::variant_size_v<Message>);
  EXPECT_EQ(kinds.size(), std::variant_size_v<Message>);
}

TEST(Messages, KeepEveryFieldOfAnAssignment) {
  const auto read = reread(Assignment{.session = SessionId{1},
                                      .round = RoundId{2},
                                      .model = filled(3),
                                      .model_bytes = 4,
                                      .backbone = filled(5),
                                      .backbone_bytes = 6,
                                      .share_index = 7,
                                      .share_count = 8,
                                      .learning_rate_factor = 0.9,
                                      .base_version = RoundId{10},
                                      .counted = RoundId{11},
                                      .state = digest_of(Bytes(3, std::byte{4}))});

  EXPECT_EQ(read.session, SessionId{1});
  EXPECT_EQ(read.round, RoundId{2});
  EXPECT_EQ(read.model, filled(3));
  EXPECT_EQ(read.model_bytes, 4U);
  EXPECT_EQ(read.backbone, filled(5));
  EXPECT_EQ(read.backbone_bytes, 6U);
  EXPECT_EQ(read.share_index, 7U);
  EXPECT_EQ(read.share_count, 8U);
  EXPECT_EQ(read.learning_rate_factor, 0.9);
  EXPECT_EQ(read.base_version, RoundId{10});
  EXPECT_EQ(read.counted, RoundId{11});
  EXPECT_EQ(read.state, digest_of(Bytes(3, std::byte{4})));
}

TEST(Messages, KeepEveryFieldOfAHello) {
  const auto read = reread(Hello{.nonce = 1,
                                 .min_version = 2,
                                 .max_version = 3,
                                 .software = "four",
                                 .codecs = "five",
                                 .rank_max = 6,
                                 .held_run = "seven",
                                 .held_version = RoundId{8},
                                 .own_data = 9,
                                 .brief = 10});

  EXPECT_EQ(read.nonce, 1U);
  EXPECT_EQ(read.min_version, 2U);
  EXPECT_EQ(read.max_version, 3U);
  EXPECT_EQ(read.software, "four");
  EXPECT_EQ(read.codecs, "five");
  EXPECT_EQ(read.rank_max, 6U);
  EXPECT_EQ(read.held_run, "seven");
  EXPECT_EQ(read.held_version, RoundId{8});
  EXPECT_EQ(read.own_data, 9U);
  EXPECT_EQ(read.brief, 10U);
}

TEST(Messages, KeepEveryFieldAndTheBodyOfANextRound) {
  const auto read = reread(NextRound{.session = SessionId{1},
                                     .round = RoundId{2},
                                     .model = short_filled(3),
                                     .learning_rate_factor = 0.4,
                                     .base_version = RoundId{5},
                                     .counted = RoundId{6},
                                     .state = short_filled(7),
                                     .body = from_hex("00ff")});

  EXPECT_EQ(read.session, SessionId{1});
  EXPECT_EQ(read.round, RoundId{2});
  EXPECT_EQ(read.model, short_filled(3));
  EXPECT_EQ(read.learning_rate_factor, 0.4);
  EXPECT_EQ(read.base_version, RoundId{5});
  EXPECT_EQ(read.counted, RoundId{6});
  EXPECT_EQ(read.state, short_filled(7));
  EXPECT_EQ(read.body, from_hex("00ff"));
}

TEST(Messages, OfARoundTakeAtMost150BytesBesideItsPayloads) {
  const SessionId session{~std::uint64_t{0}};
  const RoundId late{65535};
  const std::size_t bytes =
      pack(NextRound{.session = session,
                     .round = late,
                     .model = short_filled(1),
                     .base_version = late,
                     .counted = late,
                     .state = short_filled(2)})
          .size() +
      pack(WholeUpdate{.session = session,
                       .round = late,
                       .object = short_filled(3),
                       .num_examples = 65535,
                       .metrics = {{"loss/train", 0.1}}})
          .size() +
      pack(Verdict{.session = session, .round = late, .kind = VerdictKind::kAccepted}).size();

  EXPECT_LE(bytes, 150U);
}

TEST(Messages, KeepEveryFieldAndTheBodyOfAnUpdate) {
  const auto read = reread(Update{.session = SessionId{1},
                                  .round = RoundId{2},
                                  .object = filled(3),
                                  .offset = 4,
                                  .total = 5,
                                  .num_examples = 6,
                                  .metrics = {{"loss/train", -0.1}, {"loss/box", 1.0}},
                                  .body = from_hex("00ff")});

  EXPECT_EQ(read.session, SessionId{1});
  EXPECT_EQ(read.round, RoundId{2});
  EXPECT_EQ(read.object, filled(3));
  EXPECT_EQ(read.offset, 4U);
  EXPECT_EQ(read.total, 5U);
  EXPECT_EQ(read.num_examples, 6U);
  EXPECT_EQ(read.metrics, (Metrics{{"loss/train", -0.1}, {"loss/box", 1.0}}));
  EXPECT_EQ(read.body, from_hex("00ff"));
}

TEST(Messages, KeepIntegersOfEverySize) {
  for (int bit = 0; bit < 64; ++bit) {
    const std::uint64_t power = 1ULL << static_cast<unsigned>(bit);
    EXPECT_EQ(reread(Get{.offset = power}).offset, power);
    EXPECT_EQ(reread(Get{.offset = power - 1}).offset, power - 1);
  }
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(reread(Get{.offset = kMost}).offset, kMost);
}

TEST(Messages, WriteWholeNumbersAsDoublesWhereDoublesBelong) {
  for (const double factor : {1.0, 0.0, -2.0, 1e300, 1e-300}) {
    EXPECT_EQ(reread(Assignment{.learning_rate_factor = factor}).learning_rate_factor, factor);
  }
  EXPECT_TRUE(to_hex(pack(Assignment{}).head).ends_with("cb3ff000000000000000"));
}

TEST(Messages, CutLongTextsSoThatTheHeadAlwaysFits) {
  const std::string longest(kMaxText, 'x');
  const std::string cut = longest + "y";
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();

  const Frame frame = pack(Hello{.nonce = kMost,
                                 .min_version = kMost,
                                 .max_version = kMost,
                                 .software = cut,
                                 .codecs = cut,
                                 .rank_max = kMost,
                                 .held_run = cut,
                                 .held_version = RoundId{kMost},
                                 .own_data = kMost});
  const auto message = unpack(frame);

  EXPECT_LE(frame.head.size(), kMaxHead);
  ASSERT_TRUE(message) << message.error().what();
  EXPECT_EQ(std::get<Hello>(*message).software, longest);
  EXPECT_EQ(std::get<Hello>(*message).codecs, longest);
  EXPECT_EQ(std::get<Hello>(*message).held_run, longest);
}

TEST(Messages, KeepTheOrderOfMetrics) {
  Metrics metrics;
  for (const char* name : {"zeta", "alpha", "mid"}) {
    metrics.set(name, 1);
  }

  const auto read = reread(Update{.metrics = metrics}).metrics;

  EXPECT_EQ(read, metrics);
  EXPECT_EQ(read.main_name(), "zeta");
}

TEST(Messages, FitTheMostMetricsWithTheLongestNames) {
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  Metrics metrics;
  for (std::size_t i = 0; i < kMaxMetrics; ++i) {
    metrics.set(std::string(kMaxMetricName - 1, 'x') + static_cast<char>('A' + i), 0.1);
  }

  const Frame frame = pack(Update{.session = SessionId{kMost},
                                  .round = RoundId{kMost},
                                  .offset = kMost,
                                  .total = kMost,
                                  .num_examples = kMost,
                                  .metrics = metrics});

  EXPECT_LE(frame.head.size(), kMaxHead);
  EXPECT_EQ(std::get<Update>(unpack(frame).value()).metrics, metrics);
}

TEST(Messages, LeaveOutMetricsThatAReaderWouldRefuse) {
  Metrics metrics{{"", 1},
                  {"nan", std::nan("")},
                  {"infinite", HUGE_VAL},
                  {std::string(kMaxMetricName + 1, 'x'), 1},
                  {"tab\t", 1},
                  {"\xc3\xa9", 1},
                  {"twice", 1},
                  {"twice", 2}};
  for (std::size_t i = 0; i < kMaxMetrics; ++i) {
    metrics.set(str("m", i), 1);
  }

  const auto read = reread(Update{.metrics = metrics}).metrics;

  EXPECT_EQ(read.size(), kMaxMetrics);
  EXPECT_EQ(read.main_name(), "twice");
  EXPECT_TRUE(read.find("m30"));
  EXPECT_FALSE(read.find("m31"));
}

TEST(Messages, KeepTextsThatHoldZeroBytes) {
  const std::string text("a\0b", 3);

  EXPECT_EQ(reread(Decline{.detail = text}).detail, text);
}

TEST(Messages, KeepEnumValuesOfLaterBuilds) {
  EXPECT_EQ(reread(Verdict{.kind = static_cast<VerdictKind>(77)}).kind,
            static_cast<VerdictKind>(77));
}

TEST(Messages, MoveTheBodyWithoutCopyingIt) {
  Update update{.body = Bytes(1000)};
  const std::byte* before = update.body.data();

  Frame frame = pack(std::move(update));
  const std::byte* packed = frame.body.data();
  const auto message = unpack(std::move(frame));

  EXPECT_EQ(packed, before);
  EXPECT_EQ(std::get<Update>(*message).body.data(), before);
}

TEST(Frame, CountsHeadAndBody) {
  EXPECT_EQ((Frame{Bytes(3), Bytes(4)}.size()), 7U);
}

}  // namespace
}  // namespace lorae::wire
