// `lorae codec bench` as a person types it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "adapters/blocks.h"
#include "tensors/safetensors.h"
#include "tensors/torch.h"
#include "tests/base/temporary_folder.h"
#include "tests/integration/process.h"

namespace lorae::test {
namespace {

using nlohmann::json;

class CodecBench : public ::testing::Test {
 protected:
  void SetUp() override {
    at::manual_seed(1);
    const StateDict base({{"c.extractor", 0.1 * torch::randn({4, 3, 3, 3})},
                          {"c.mapper", 0.1 * torch::randn({16, 4, 1, 1})},
                          {"fc.weight", torch::randn({10, 16})}});
    const StateDict update = map(
        base, [](const at::Tensor& tensor) { return tensor + 0.01 * torch::randn_like(tensor); });
    save_safetensors(path("base"), base);
    save_safetensors(path("update"), update);
    save_safetensors(path("other"), StateDict({{"fc.weight", torch::zeros({10, 16})}}));
  }

  std::string path(const std::string& name) const {
    return (folder_ / (name + ".safetensors")).string();
  }

  static Finished bench(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"lorae", "codec", "bench"});
    return run(arguments);
  }

  const TemporaryFolder folder_;
};

TEST_F(CodecBench, SaysWhatChainsMakeOfAnUpdate) {
  const Finished done =
      bench({path("update"), "--base", path("base"), "--chain", "delta", "--chain",
             "delta,rms_step:1.0,range", "--chain", "delta,product_step:1.0,range", "--json"});
  ASSERT_EQ(done.status, 0) << done.errors;
  const json rows = json::parse(done.output);
  ASSERT_EQ(rows.size(), 3U);
  for (const json& row : rows) {
    EXPECT_EQ(row.at("parameters"), 4 * 27 + 16 * 4 + 160);
    std::int64_t coded = 0;
    for (const json& layer : row.at("stages")) {
      EXPECT_TRUE(layer.at("raw").is_number() && layer.at("quantised").is_number());
      coded += layer.at("coded").get<std::int64_t>();
    }
    EXPECT_EQ(row.at("stages").at(0).at("layer"), "c");
    EXPECT_EQ(coded, row.at("bytes"));
    EXPECT_NEAR(row.at("bits_per_parameter").get<double>() * 332 / 8, static_cast<double>(coded),
                0.01);
    EXPECT_GT(row.at("encode_mb_s"), 0.0);
    EXPECT_GT(row.at("decode_mb_s"), 0.0);
  }
  EXPECT_EQ(rows[0].at("chain"), "delta");
  EXPECT_EQ(rows[0].at("error_delta"), 0.0);
  EXPECT_LT(rows[0].at("error_product").get<double>(), 1e-5);
  EXPECT_NEAR(rows[0].at("entropy_bits").get<double>(), 32.0, 1e-9);
  EXPECT_NEAR(rows[1].at("error_delta").get<double>(), 0.29, 0.05);
  EXPECT_NEAR(rows[1].at("entropy_bits").get<double>(), 2.1, 0.2);
  EXPECT_NEAR(rows[2].at("error_product").get<double>(), 0.29, 0.1);
}

TEST_F(CodecBench, TakesAChangeByItself) {
  const Finished done = bench({path("update"), "--chain", "delta,int8,range", "--json"});
  ASSERT_EQ(done.status, 0) << done.errors;
  const json row = json::parse(done.output).at(0);
  EXPECT_TRUE(row.at("error_product").is_null());
  EXPECT_LT(row.at("error_delta"), 0.02);

  const Finished table = bench({path("update"), "--chain", "delta,int8,range"});
  EXPECT_NE(table.output.find("delta,int8,range"), std::string::npos);
  EXPECT_NE(table.output.find("332 parameters"), std::string::npos);
}

TEST_F(CodecBench, TakesAChangeFromAStateWithMoreInIt) {
  const StateDict base = load_safetensors(path("base")).state;
  const StateDict change = load_safetensors(path("update")).state;
  for_each_aligned([](const at::Tensor& to, const at::Tensor& from) { to.sub_(from); }, change,
                   base);
  save_safetensors(path("change"), change, {{adapters::kChangeKey, "of round 3"}});
  save_safetensors(path("more"), joined(base, StateDict({{"constant", torch::ones({2})}})));
  const std::vector<std::string> chains{"--chain", "delta,product_step:1.0,range", "--json"};
  const auto with = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), chains.begin(), chains.end());
    const Finished done = bench(arguments);
    EXPECT_EQ(done.status, 0) << done.errors;
    return json::parse(done.output).at(0);
  };

  const json change_row = with({path("change"), "--base", path("more")});
  const json trained_row = with({path("update"), "--base", path("base")});

  EXPECT_EQ(change_row.at("parameters"), trained_row.at("parameters"));
  EXPECT_NEAR(change_row.at("error_product").get<double>(),
              trained_row.at("error_product").get<double>(), 1e-3);
}

TEST_F(CodecBench, SaysWhatIsWrong) {
  const Finished other = bench({path("update"), "--base", path("other"), "--chain", "delta"});
  EXPECT_EQ(other.status, exit_status(ErrorCode::kIncompatible));
  EXPECT_NE(other.errors.find("is no base of"), std::string::npos) << other.errors;

  const Finished chain = bench({path("update"), "--chain", "rms_step"});
  EXPECT_EQ(chain.status, exit_status(ErrorCode::kInvalidConfig));
  EXPECT_NE(chain.errors.find("needs a number"), std::string::npos) << chain.errors;
  EXPECT_NE(bench({path("update")}).status, 0) << "no chain";
}

}  // namespace
}  // namespace lorae::test
