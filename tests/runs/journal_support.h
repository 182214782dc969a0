#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "runs/journal.h"
#include "tests/base/support.h"

namespace lorae::runs {

inline const ClientId kAda{"ada"};
inline const ClientId kBob{"bob"};
inline const ClientId kEve{"eve"};

inline StoredUpdate update_of(const ClientId& client,
                              std::size_t size = 5,
                              std::byte fill = std::byte{7}) {
  StoredUpdate update{.client = client,
                      .num_examples = 40,
                      .metrics = {{"loss", 0.5}},
                      .digest = {},
                      .payload = Bytes(size, fill),
                      .base_round = RoundId{0}};
  update.digest = digest_of(update.payload);
  return update;
}

inline std::vector<BytesEntry> uplink(std::int64_t raw, std::int64_t encoded) {
  return {{Direction::kUplink, "conv1", "raw", raw},
          {Direction::kUplink, "conv1", "encoded", encoded}};
}

#define EXPECT_ERROR(call, expected_code, part)                           \
  do {                                                                    \
    const auto [code, text] = error_of([&] { static_cast<void>(call); }); \
    EXPECT_EQ(code, expected_code) << text;                               \
    EXPECT_NE(text.find(part), std::string::npos) << text;                \
  } while (false)

class JournalTest : public testing::Test {
 protected:
  Journal make() const { return Journal(path_, Journal::Mode::kNew); }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "journal.db";
};

}  // namespace lorae::runs
