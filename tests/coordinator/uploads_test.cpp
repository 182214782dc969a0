#include "coordinator/uploads.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/base/support.h"

namespace lorae::coordinator {
namespace {

using wire::VerdictKind;

const ClientId kAda{"ada"};
const ClientId kBob{"bob"};
const ClientId kEve{"eve"};
const std::string kText = "0123456789";

/// Room for updates of 10 bytes, two at a time, of 1 to 100 examples.
Uploads small_uploads() {
  return Uploads({.update_bytes = 10, .partial_bytes = 20, .max_examples = 100});
}

/// `size` bytes of `text` from `offset`, as part of round 3.
wire::Update piece(std::size_t offset, std::size_t size, const std::string& text = kText) {
  return {.round = RoundId{3},
          .object = digest_of(view_of(text)),
          .offset = offset,
          .total = text.size(),
          .num_examples = 40,
          .metrics = {{"loss/train", 0.5}, {"loss/box", 0.25}},
          .body = bytes_from(text.substr(offset, size))};
}

void expect_progress(const Uploads::Step& step, std::uint64_t next_offset) {
  EXPECT_EQ(step.kind, VerdictKind::kProgress) << step.detail;
  EXPECT_EQ(step.next_offset, next_offset);
}

TEST(Uploads, PutAnUpdateTogetherFromItsPieces) {
  Uploads uploads = small_uploads();

  expect_progress(uploads.add(kAda, piece(0, 4)), 4);
  expect_progress(uploads.add(kAda, piece(4, 4)), 8);
  const auto step = uploads.add(kAda, piece(8, 2));

  EXPECT_EQ(step.kind, VerdictKind::kAccepted);
  EXPECT_EQ(step.next_offset, 10U);
  EXPECT_EQ(step.finished.client, kAda);
  EXPECT_EQ(step.finished.round, RoundId{3});
  EXPECT_EQ(step.finished.object, digest_of(view_of(kText)));
  EXPECT_EQ(step.finished.num_examples, 40);
  EXPECT_EQ(step.finished.metrics, (Metrics{{"loss/train", 0.5}, {"loss/box", 0.25}}));
  EXPECT_EQ(text_of(step.finished.payload), kText);
  EXPECT_EQ(uploads.partial_bytes(), 0U);
}

TEST(Uploads, TakeAnUpdateInOnePiece) {
  Uploads uploads = small_uploads();

  EXPECT_EQ(uploads.add(kAda, piece(0, 10)).kind, VerdictKind::kAccepted);
}

TEST(Uploads, IgnoreRepeatedPiecesAndSayWhereToGoOn) {
  Uploads uploads = small_uploads();
  uploads.add(kAda, piece(0, 4));
  uploads.add(kAda, piece(4, 4));

  expect_progress(uploads.add(kAda, piece(0, 4)), 8);
  expect_progress(uploads.add(kAda, piece(4, 4)), 8);
  EXPECT_EQ(text_of(uploads.add(kAda, piece(8, 2)).finished.payload), kText);
}

TEST(Uploads, IgnorePiecesThatComeTooEarly) {
  Uploads uploads = small_uploads();

  expect_progress(uploads.add(kAda, piece(4, 4)), 0);
  expect_progress(uploads.add(kAda, piece(0, 4)), 4);
  expect_progress(uploads.add(kAda, piece(8, 2)), 4);
}

TEST(Uploads, IgnorePiecesThatOverlapOrRunOver) {
  Uploads uploads = small_uploads();
  uploads.add(kAda, piece(0, 4));

  expect_progress(uploads.add(kAda, piece(3, 4)), 4);
  auto too_long = piece(4, 6);
  too_long.body.push_back(std::byte{0});
  expect_progress(uploads.add(kAda, too_long), 4);
  expect_progress(uploads.add(kAda, piece(4, 0)), 4);
}

TEST(Uploads, SurviveOffsetsAtTheEndOfTheRange) {
  Uploads uploads = small_uploads();
  auto far = piece(0, 4);
  far.offset = std::numeric_limits<std::uint64_t>::max();

  expect_progress(uploads.add(kAda, far), 0);
}

TEST(Uploads, StartAgainIfTheDigestIsWrong) {
  Uploads uploads = small_uploads();
  uploads.add(kAda, piece(0, 4));
  auto damaged = piece(4, 6);
  damaged.body[0] ^= std::byte{1};

  expect_progress(uploads.add(kAda, damaged), 0);

  EXPECT_EQ(uploads.partial_bytes(), 0U);
  EXPECT_EQ(uploads.add(kAda, piece(0, 10)).kind, VerdictKind::kAccepted);
}

TEST(Uploads, StartAgainForAnotherRoundOrObjectOrSize) {
  const std::string other = "9876543210";
  Uploads uploads = small_uploads();
  uploads.add(kAda, piece(0, 4));

  expect_progress(uploads.add(kAda, piece(4, 4, other)), 0);
  expect_progress(uploads.add(kAda, piece(0, 4, other)), 4);
  auto later = piece(0, 5, other);
  later.round = RoundId{4};
  expect_progress(uploads.add(kAda, later), 5);
  later.total = 9;
  expect_progress(uploads.add(kAda, later), 5);
  EXPECT_EQ(uploads.partial_bytes(), 9U);
}

TEST(Uploads, KeepTheClientsApart) {
  const std::string bobs = "abcdefghij";
  Uploads uploads = small_uploads();
  uploads.add(kAda, piece(0, 4));
  uploads.add(kBob, piece(0, 5, bobs));

  EXPECT_EQ(text_of(uploads.add(kAda, piece(4, 6)).finished.payload), kText);
  EXPECT_EQ(text_of(uploads.add(kBob, piece(5, 5, bobs)).finished.payload), bobs);
}

TEST(Uploads, RejectUpdatesThatAreEmptyOrTooLarge) {
  Uploads uploads = small_uploads();
  auto large = piece(0, 4);
  large.total = 11;
  auto empty = piece(0, 0);
  empty.total = 0;

  EXPECT_EQ(uploads.add(kAda, large).kind, VerdictKind::kRejected);
  EXPECT_EQ(uploads.add(kAda, large).detail, "an update of 11 bytes; at most 10 fit this model");
  EXPECT_EQ(uploads.add(kAda, empty).kind, VerdictKind::kRejected);
  EXPECT_EQ(uploads.partial_bytes(), 0U);
}

TEST(Uploads, RejectNumbersOfExamplesOutOfBounds) {
  for (const std::uint64_t examples : {std::uint64_t{0}, std::uint64_t{101}, ~std::uint64_t{0}}) {
    Uploads uploads = small_uploads();
    auto update = piece(0, 10);
    update.num_examples = examples;

    const auto step = uploads.add(kAda, update);

    EXPECT_EQ(step.kind, VerdictKind::kRejected);
    EXPECT_EQ(step.detail, str("num_examples: expected 1 to 100, got ", examples));
  }
}

TEST(Uploads, TakeNumbersOfExamplesAtTheBounds) {
  for (const std::uint64_t examples : {1U, 100U}) {
    Uploads uploads = small_uploads();
    auto update = piece(0, 10);
    update.num_examples = examples;

    EXPECT_EQ(uploads.add(kAda, update).kind, VerdictKind::kAccepted);
  }
}

TEST(Uploads, LetAClientWaitWhileTheBudgetIsPromisedToOthers) {
  Uploads uploads = small_uploads();
  uploads.add(kAda, piece(0, 4));
  uploads.add(kBob, piece(0, 4));
  EXPECT_EQ(uploads.partial_bytes(), 20U);

  EXPECT_EQ(uploads.add(kEve, piece(0, 4)).kind, VerdictKind::kWait);

  EXPECT_EQ(uploads.add(kAda, piece(4, 6)).kind, VerdictKind::kAccepted);
  expect_progress(uploads.add(kEve, piece(0, 4)), 4);
}

TEST(Uploads, CanAllFinishWithinAnyBudget) {
  Uploads uploads({.update_bytes = 10, .partial_bytes = 1, .max_examples = 100});
  expect_progress(uploads.add(kAda, piece(0, 4)), 4);

  EXPECT_EQ(uploads.add(kBob, piece(0, 4)).kind, VerdictKind::kWait);
  EXPECT_EQ(uploads.add(kAda, piece(4, 6)).kind, VerdictKind::kAccepted);
  expect_progress(uploads.add(kBob, piece(0, 4)), 4);
}

TEST(Uploads, TakeUpdatesInOnePieceWhateverTheBudget) {
  Uploads uploads = small_uploads();
  uploads.add(kAda, piece(0, 4));
  uploads.add(kBob, piece(0, 4));

  EXPECT_EQ(uploads.add(kEve, piece(0, 10)).kind, VerdictKind::kAccepted);
  EXPECT_EQ(uploads.partial_bytes(), 20U);
}

TEST(Uploads, CanBeForgotten) {
  Uploads uploads = small_uploads();
  uploads.add(kAda, piece(0, 4));
  uploads.add(kBob, piece(0, 4));

  uploads.forget(kAda);
  uploads.forget(kEve);
  EXPECT_EQ(uploads.partial_bytes(), 10U);
  expect_progress(uploads.add(kAda, piece(4, 4)), 0);

  uploads.forget_all();
  EXPECT_EQ(uploads.partial_bytes(), 0U);
  expect_progress(uploads.add(kBob, piece(4, 4)), 0);
}

}  // namespace
}  // namespace lorae::coordinator
