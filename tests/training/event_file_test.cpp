#include "training/event_file.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/atomic_file.h"
#include "tests/base/temporary_folder.h"

namespace lorae::training {
namespace {

std::vector<StepScalars> example() {
  return {{.step = 1, .wall_time = 1700000010.25, .scalars = {{"lr", 0.05}, {"train/loss", 1.5}}},
          {.step = 300,
           .wall_time = 1700000020,
           .scalars = {{"val/map50", std::numeric_limits<double>::infinity()}}}};
}

TEST(Crc32c, IsAsTheRfcHasIt) {  // RFC 3720, B.4
  EXPECT_EQ(crc32c(Bytes(32, std::byte{0})), 0x8a9136aaU);
  EXPECT_EQ(crc32c(Bytes(32, std::byte{0xff})), 0x62a8ab43U);
  Bytes rising, falling;
  for (int i = 0; i < 32; ++i) {
    rising.push_back(static_cast<std::byte>(i));
    falling.push_back(static_cast<std::byte>(31 - i));
  }
  EXPECT_EQ(crc32c(rising), 0x46dd794eU);
  EXPECT_EQ(crc32c(falling), 0x113fdb5cU);
  EXPECT_EQ(crc32c(view_of("123456789")), 0xe3069283U);
  EXPECT_EQ(crc32c({}), 0U);
}

// By tensorboard 2.21.0: its RecordWriter, Event.SerializeToString() of the same values.
TEST(EventFile, HasTheBytesOfTensorBoardsOwnWriter) {
  EXPECT_EQ(to_hex(event_file(1700000000.5, example())),
            "1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b353110"
            "2b00000000000000861bc34b0900009042fc54d94110012a1e0a090a026c7215cdcc4c3d0a110a0a"
            "747261696e2f6c6f7373150000c03fbd0816a4"
            "200000000000000029eda9500900000045fc54d94110ac022a120a100a0976616c2f6d6170353015"
            "0000807fcd5c6531");
}

TEST(EventFile, GrowsWithoutATouchToWhatIsThere) {
  const TemporaryFolder folder;
  const auto steps = example();
  const Bytes one = event_file(1, std::span(steps).first(1)), two = event_file(1, steps);
  ASSERT_TRUE(std::equal(one.begin(), one.end(), two.begin()));
  const auto file = folder / "events";
  const auto hold = folder / "hold";
  grow_file(file, one);
  std::filesystem::create_hard_link(file, hold);  // the same file, whatever lies under the name
  grow_file(file, two);
  EXPECT_EQ(read_file(file), two);
  EXPECT_EQ(read_file(hold), two) << "who reads along has it, too";
  grow_file(file, two);
  EXPECT_EQ(read_file(file), two);
}

TEST(EventFile, IsReplacedIfItSaysSomethingElseAndCompletedIfItWasCut) {
  const TemporaryFolder folder;
  const auto steps = example();
  const Bytes whole = event_file(1, steps), other = event_file(2, steps);
  const auto file = folder / "events";
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    write_file_atomic(file, ByteView(whole).first(size));
    grow_file(file, whole);
    ASSERT_EQ(read_file(file), whole) << size;
  }
  grow_file(file, other);
  EXPECT_EQ(read_file(file), other);
  const Bytes shorter = event_file(2, std::span(steps).first(1));
  grow_file(file, shorter);
  EXPECT_EQ(read_file(file), shorter) << "of a training that begins anew";
}

}  // namespace
}  // namespace lorae::training
