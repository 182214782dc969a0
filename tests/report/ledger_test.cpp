#include "report/ledger.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "codec/chain.h"
#include "runs/journal.h"
#include "runs/run_directory.h"
#include "tests/base/support.h"
#include "tests/base/temporary_folder.h"

namespace lorae::report {
namespace {

using runs::Direction;

/// Two rounds of two clients. Each update: conv 100 numbers as 100 bytes, fc 50 as 40; 160 framed.
class Ledger : public testing::Test {
 protected:
  Ledger() {
    runs::RunDirectory::create(run_, "# a test\n");
    runs::Journal journal(runs::RunDirectory::journal_of(run_), runs::Journal::Mode::kContinue);
    journal.set_meta(runs::kTotalKey, "1000");
    for (const std::uint64_t round : {1, 2}) {
      for (const char* client : {"ada", "bob"}) {
        const std::string raw(codec::kStageRaw), coded(codec::kStageCoded);
        const std::vector<runs::BytesEntry> entries = {
            {Direction::kUplink, "conv", raw, 400},
            {Direction::kUplink, "conv", coded, 100},
            {Direction::kUplink, "fc", raw, 200},
            {Direction::kUplink, "fc", coded, 40},
            {Direction::kUplink, runs::kLayerUpdate, runs::kStageFramed, 160},
            {Direction::kUplink, runs::kLayerControl, runs::kStageFramed, 30},
            {Direction::kDownlink, "conv", raw, 400},
            {Direction::kDownlink, "conv", coded, 400},
            {Direction::kDownlink, runs::kLayerModel, runs::kStageFramed, 450}};
        journal.add_bytes(RoundId{round}, {client}, entries);
      }
    }
  }

  std::vector<LedgerRow> rows(std::vector<std::string> by) const {
    return read_ledger(run_, {.by = std::move(by), .full_layers = {{"conv", 900}, {"fc", 50}}});
  }

  TemporaryFolder folder_;
  std::filesystem::path run_ = folder_ / "run";
};

TEST_F(Ledger, SumsFramedBytesBesideThoseOfAllParameters) {
  const auto all = rows({});
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].bytes, 4 * (160 + 30 + 450));
  EXPECT_EQ(all[0].full_bytes, 4 * 4 * 1000 * 2) << "four updates up, four states down";

  const auto by = rows({"direction"});
  ASSERT_EQ(by.size(), 2U);
  EXPECT_EQ(by[0].keys, std::vector<std::string>{"uplink"});
  EXPECT_EQ(by[0].bytes, 4 * 190);
  EXPECT_EQ(by[0].full_bytes, 4 * 4000);
  EXPECT_EQ(by[0].full_coded_bytes, 4 * 4000 * 140 / 600) << "at this chain's bits";
  EXPECT_EQ(by[1].bytes, 4 * 450);
  EXPECT_EQ(by[1].full_coded_bytes, by[1].full_bytes);
}

TEST_F(Ledger, ByLayerAddsUpToTheSame) {
  std::int64_t sum = 0;
  std::map<std::string, LedgerRow> by_name;
  for (const LedgerRow& row : rows({"layer"})) {
    sum += row.bytes;
    by_name[row.keys[0]] = row;
  }
  EXPECT_EQ(sum, rows({})[0].bytes);
  EXPECT_EQ(by_name.at("conv").bytes, 4 * (100 + 400));
  EXPECT_EQ(by_name.at("conv").full_bytes, 4 * 900 * 4 * 2);
  EXPECT_EQ(by_name.at("fc").full_bytes, 4 * 50 * 4);
  EXPECT_EQ(by_name.at("(framing)").bytes, 4 * (160 - 140 + 450 - 400));
  EXPECT_EQ(by_name.at("(framing)").full_bytes, std::nullopt);
  EXPECT_EQ(by_name.at("(control)").full_bytes, std::nullopt);
}

TEST_F(Ledger, HasExactlyTheKeysThatAreAskedFor) {
  const auto by = rows({"client", "round", "stage", "direction", "layer"});
  EXPECT_EQ(by.size(), 9U * 4);
  EXPECT_EQ(by[0].keys, (std::vector<std::string>{"ada", "1", "framed", "uplink", "(control)"}));
  const LedgerOptions options{.by = {"round", "stage"}};
  const auto read = nlohmann::json::parse(ledger_json(read_ledger(run_, options), options));
  ASSERT_EQ(read.size(), 6U);
  EXPECT_EQ(
      read[0].dump(),
      R"({"bytes":1080,"full_bytes":null,"full_coded_bytes":null,"round":1,"stage":"coded"})");
  EXPECT_EQ(read[1]["stage"], "framed");
  EXPECT_EQ(read[1]["full_bytes"], 2 * 2 * 4000);
  const std::string csv = ledger_csv(rows({"direction"}), {.by = {"direction"}});
  EXPECT_EQ(csv,
            "direction,bytes,full_bytes,full_coded_bytes\nuplink,760,16000,3733\n"
            "downlink,1800,16000,16000\n");
}

TEST_F(Ledger, RefusesWhatItDoesNotKnow) {
  const auto refused = [&](const std::filesystem::path& run, std::vector<std::string> by,
                           const std::string& why) {
    const auto [code, text] = error_of([&] { read_ledger(run, {.by = std::move(by)}); });
    EXPECT_EQ(code, ErrorCode::kInvalidConfig);
    EXPECT_NE(text.find(why), std::string::npos) << text;
  };
  refused(run_, {"bytes"}, "no key 'bytes': expected some of layer, stage, direction");
  refused(run_, {"round", "round"}, "'round' comes twice");
  refused(folder_ / "none", {"round"}, "holds no run");
}

}  // namespace
}  // namespace lorae::report
