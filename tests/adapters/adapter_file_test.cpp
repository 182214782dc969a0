#include "adapters/adapter_file.h"

#include <fstream>

#include "tensors/safetensors.h"
#include "tensors/torch.h"
#include "tests/base/temporary_folder.h"
#include "tests/tensors/helpers.h"

namespace lorae::adapters {
namespace {

using testing::expect_error;
using testing::same_bits;

AdapterInfo example_info() {
  return {.model = "resnet8",
          .kind = Kind::kLorae,
          .classes = 10,
          .round = RoundId{1ULL << 60U},
          .base_digest = "c0ffee",
          .layers = {
              {.name = "conv1", .kernel = 3, .stride = 2, .rank = 8, .alpha = 16.1, .scaling = 2}}};
}

class AdapterFile : public ::testing::Test {
 protected:
  std::filesystem::path path() const { return folder_ / "adapter.safetensors"; }

  void save_with_description(const std::string& text) const {
    save_safetensors(path(), StateDict({{"w", torch::ones({1})}}), {{"lorae", text}});
  }

  void expect_refused(ErrorCode code, std::string_view part) const {
    expect_error(
        code, [&] { load_adapter(path()); }, part);
  }

  TemporaryFolder folder_;
};

TEST_F(AdapterFile, RoundTrips) {
  const Adapter adapter{example_info(), StateDict({{"conv1.extractor", torch::rand({8, 1, 3, 3})},
                                                   {"conv1.mapper", torch::rand({32, 8, 1, 1})}})};

  save_adapter(path(), adapter);
  const Adapter loaded = load_adapter(path());

  EXPECT_TRUE(same_bits(loaded.state, adapter.state));
  EXPECT_EQ(loaded.info.model, "resnet8");
  EXPECT_EQ(loaded.info.kind, Kind::kLorae);
  EXPECT_EQ(loaded.info.classes, 10);
  EXPECT_EQ(loaded.info.layers, example_info().layers);
  EXPECT_EQ(loaded.info.round, RoundId{1ULL << 60U});
  EXPECT_EQ(loaded.info.base_digest, "c0ffee");
}

TEST_F(AdapterFile, OfACoreIsReadAsTheMapperThatItMakes) {
  const at::Tensor extractor = torch::rand({2, 1, 3, 3}), core = torch::rand({2, 2}),
                   basis = torch::rand({5, 2});
  const StateDict kept({{"conv1.extractor", extractor},
                        {"conv1.core", core},
                        {"conv1.basis", basis},
                        {"fc.core_like", torch::ones({1})}});
  save_adapter(path(), {example_info(), kept});

  const StateDict read = load_adapter(path()).state;

  EXPECT_TRUE(same_bits(load_adapter_as_kept(path()).state, kept));
  ASSERT_EQ(read.size(), 3U);
  EXPECT_TRUE(same_bits(read.at("conv1.extractor"), extractor));
  EXPECT_TRUE(read.at("conv1.mapper").equal(basis.mm(core).view({5, 2, 1, 1})));

  save_adapter(path(), {example_info(), StateDict({{"conv1.extractor", extractor},
                                                   {"conv1.core", core},
                                                   {"conv1.basis", torch::rand({5, 3})}})});
  expect_refused(ErrorCode::kCorruptData, "'conv1.core' has no basis and extractor of its shape");
  save_adapter(path(), {example_info(), StateDict({{"conv1.core", core}})});
  expect_refused(ErrorCode::kCorruptData, "'conv1.core' has no basis and extractor of its shape");
}

TEST_F(AdapterFile, IsASafetensorsFileThatAnybodyReads) {
  save_adapter(path(), {example_info(), StateDict({{"w", torch::ones({1})}})});
  EXPECT_TRUE(load_safetensors(path()).state.at("w").equal(torch::ones({1})));
}

TEST_F(AdapterFile, RefusesPlainWeights) {
  save_safetensors(path(), StateDict({{"w", torch::ones({1})}}), {{"format", "pt"}});
  expect_refused(ErrorCode::kIncompatible,
                 str("[adapter] '", path().string(),
                     "' is a safetensors file without a LoRAE description; is it plain weights?"));
}

TEST_F(AdapterFile, RefusesAnotherFormatVersion) {
  for (const int version : {0, 1, 4}) {
    save_with_description(str(R"({"version":)", version, "}"));
    expect_refused(ErrorCode::kIncompatible,
                   str("': format version ", version, ", this build reads 2 and 3"));
  }
}

TEST_F(AdapterFile, RefusesADescriptionThatIsDamaged) {
  save_with_description("no json");
  expect_refused(ErrorCode::kCorruptData,
                 str("[adapter] '", path().string(), "': bad description: it is not JSON"));
}

TEST_F(AdapterFile, RefusesWhatIsNoSafetensorsFile) {
  std::ofstream(path()) << "PK zip";
  expect_refused(ErrorCode::kCorruptData, path().string());
}

TEST_F(AdapterFile, NamesTheFileThatIsMissing) {
  expect_refused(ErrorCode::kInvalidConfig, path().string());
}

TEST(CheckFits, AcceptsTheSameSetupInAnyRound) {
  AdapterInfo other = example_info();
  other.round = RoundId{3};
  check_fits(other, example_info());
}

TEST(CheckFits, SaysWhatDiffers) {
  const auto refuses = [](auto change, std::string_view message) {
    AdapterInfo adapter = example_info();
    change(adapter);
    expect_error(
        ErrorCode::kIncompatible, [&] { check_fits(adapter, example_info()); }, message);
  };
  refuses([](AdapterInfo& a) { a.model = "resnet18"; },
          "[adapter] made for another model: expected resnet8, got resnet18");
  refuses([](AdapterInfo& a) { a.classes = 5; },
          "[adapter] made for another number of classes: expected 10, got 5");
  refuses([](AdapterInfo& a) { a.kind = Kind::kHead; },
          "[adapter] made for another method: expected lorae, got head");
  refuses([](AdapterInfo& a) { a.head = Head::kNone; },
          "[adapter] made for another head policy: expected last, got none");
  refuses([](AdapterInfo& a) { a.norm = Norm::kAffine; },
          "[adapter] made for another norm policy: expected frozen, got affine");
  refuses([](AdapterInfo& a) { a.layers.clear(); },
          "[adapter] made for another number of adapted layers: expected 1, got 0");
  refuses([](AdapterInfo& a) { a.layers[0].name = "conv2"; },
          "[adapter] made for another layer: expected conv1, got conv2");
  refuses([](AdapterInfo& a) { a.layers[0].rank = 4; },
          "[adapter] made for another rank of conv1: expected 8, got 4");
  refuses([](AdapterInfo& a) { a.layers[0].alpha = 8; },
          "[adapter] made for another alpha of conv1: expected 16.1, got 8");
  refuses([](AdapterInfo& a) { a.layers[0].scaling = 8; },
          "[adapter] made for another scaling of conv1: expected 2, got 8");
  refuses([](AdapterInfo& a) { a.layers[0].stride = 1; },
          "[adapter] made for another geometry of conv1");
  refuses([](AdapterInfo& a) { a.base_digest = "decaf"; },
          "[adapter] made for another backbone (digest): expected c0ffee, got decaf");
}

}  // namespace
}  // namespace lorae::adapters
