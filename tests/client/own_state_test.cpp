#include "client/own_state.h"

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "tests/base/temporary_folder.h"

namespace lorae::client {
namespace {

Bytes state(const std::string& text) {
  return copy_of(view_of(text));
}

class OwnStates : public testing::Test {
 protected:
  static std::string text(const std::optional<Bytes>& bytes) {
    return bytes ? std::string(text_of(*bytes)) : "none";
  }

  TemporaryFolder folder_;
  OwnState own_{folder_ / "own"};
};

TEST_F(OwnStates, GoOnFromTheRoundThatCounted) {
  EXPECT_EQ(text(own_.find("run", RoundId{0})), "none");
  own_.keep("run", RoundId{1}, state("after 1"));
  EXPECT_EQ(text(own_.find("run", RoundId{1})), "after 1");
  own_.keep("run", RoundId{2}, state("after 2"));  // late: it never counts
  EXPECT_EQ(text(own_.find("run", RoundId{1})), "after 1");
  own_.keep("run", RoundId{3}, state("after 3"));
  EXPECT_EQ(text(own_.newest("run")), "after 3");

  OwnState restarted(folder_ / "own");
  EXPECT_EQ(text(restarted.find("run", RoundId{3})), "after 3");
  EXPECT_EQ(text(restarted.find("run", RoundId{3})), "after 3") << "asked again";
  restarted.keep("run", RoundId{3}, state("after 3, again"));
  EXPECT_EQ(text(restarted.newest("run")), "after 3, again");
}

TEST_F(OwnStates, AreNotThoseOfAnotherRunOrRound) {
  own_.keep("run", RoundId{1}, state("after 1"));
  EXPECT_EQ(text(own_.find("other", RoundId{1})), "none");
  EXPECT_EQ(text(own_.newest("other")), "none");
  EXPECT_EQ(text(own_.find("run", RoundId{2})), "none");
  EXPECT_EQ(text(own_.find("run", RoundId{1})), "after 1");
}

TEST_F(OwnStates, ThatAreDamagedAreNotThere) {
  own_.keep("run", RoundId{1}, state("after 1"));
  const auto file = folder_ / "own/own.next";
  const Bytes whole = read_file(file);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    Bytes damaged = whole;
    damaged[i] ^= std::byte{4};
    write_file_atomic(file, damaged);
    EXPECT_EQ(text(own_.find("run", RoundId{1})), "none") << "byte " << i;
    Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(i));
    write_file_atomic(file, cut);
    EXPECT_EQ(text(own_.find("run", RoundId{1})), "none") << "cut to " << i;
  }
  write_file_atomic(file, whole);
  EXPECT_EQ(text(own_.find("run", RoundId{1})), "after 1");
}

}  // namespace
}  // namespace lorae::client
