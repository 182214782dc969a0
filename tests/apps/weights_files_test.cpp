// `lorae` and files of weights that hold no numbers, too large ones, or something else.
#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "adapters/adapter_file.h"
#include "tensors/safetensors.h"
#include "tensors/torch.h"
#include "tests/base/temporary_folder.h"
#include "tests/integration/process.h"
#include "tests/models/reference.h"
#include "tests/tensors/helpers.h"

namespace lorae::test {
namespace {

using models::testing::reference_options;
using nlohmann::json;

constexpr int kData = 65;
constexpr const char* kModel = "resnet18";

/// `state` under names that something was put before.
StateDict prefixed(const StateDict& state, const std::string& prefix) {
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, tensor] : state) {
    entries.emplace_back(prefix + name, tensor);
  }
  return StateDict(std::move(entries));
}

class WeightsFiles : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }

  /// Weights of the model, with this number in the middle of a tensor.
  std::string weights(const std::string& name, float number = 0.5F) const {
    auto model = models::build(reference_options(kModel, 5), Seed{1});
    models::testing::fill_by_formula_(*model, 1.3);
    model->backbone().at("layer1.0.conv1.weight").view({-1})[100] = number;
    save_safetensors(path(name), model->backbone(), {}, Numbers::kAny);
    return path(name);
  }

  /// An adapter for `weights`, with this number in a mapper.
  std::string adapter(const std::string& weights,
                      const std::string& name,
                      float number = 0.5F) const {
    EXPECT_EQ(run({"lorae", "adapter", "create", kModel, "--classes", "5", "--weights", weights,
                   "--output", path(name)})
                  .status,
              0);
    adapters::Adapter made = adapters::load_adapter(path(name));
    made.state.at("layer1.0.conv1.mapper").view({-1})[3] = number;
    SafetensorsFile file = load_safetensors(path(name));
    save_safetensors(path(name), made.state, file.metadata, Numbers::kAny);
    return path(name);
  }

  /// `lorae ...`, which must fail so, say all `parts` and write nothing to path("out").
  void expect_refused(std::vector<std::string> arguments,
                      const std::vector<std::string>& parts) const {
    arguments.insert(arguments.begin(), "lorae");
    const Finished done = run(arguments);
    EXPECT_EQ(done.status, kData) << done.errors;
    for (const std::string& part : parts) {
      EXPECT_NE(done.errors.find(part), std::string::npos) << part << "\n" << done.errors;
    }
    EXPECT_FALSE(std::filesystem::exists(path("out")));
  }

  const TemporaryFolder folder_;
};

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST_F(WeightsFiles, ConvertedNumbersMustFitTheirType) {
  const std::string large = weights("large", 1e6F);
  expect_refused({"weights", "convert", large, "--dtype", "float16", "--output", path("out")},
                 {"'layer1.0.conv1.weight' holds 1e+06 at [0, 11, 0, 1]", "at most 65504"});
  EXPECT_EQ(run({"lorae", "weights", "convert", large, "--dtype", "bfloat16", "--output",
                 path("bfloat16")})
                .status,
            0);
  save_safetensors(path("double"), StateDict({{"w", torch::tensor({1.0, -1e300}, at::kDouble)}}));
  expect_refused({"weights", "convert", path("double"), "--output", path("out")},
                 {"'w' holds -1e+300 at [1]", "at most 3.40282e+38"});
  for (const float number : {kInfinity, std::nanf("")}) {
    expect_refused({"weights", "convert", weights("bad", number), "--dtype", "bfloat16", "--output",
                    path("out")},
                   {"'layer1.0.conv1.weight' holds ", " at [0, 11, 0, 1]; 1 of its 36864"});
    expect_refused({"weights", "convert", weights("bad", number), "--model", kModel, "--classes",
                    "5", "--output", path("out")},
                   {"'layer1.0.conv1.weight' holds "});
  }
}

TEST_F(WeightsFiles, AdaptersAreMadeOfNumbersOnly) {
  const std::string good = weights("good");
  const std::string fine = adapter(good, "fine");
  for (const float number : {kInfinity, -kInfinity, std::nanf("")}) {
    const std::string bad = weights("bad", number);
    const std::string broken = adapter(good, "broken", number);
    const std::string of_weights = "'layer1.0.conv1.weight' holds ";
    const std::string of_adapter = "'layer1.0.conv1.mapper' holds ";
    expect_refused(
        {"adapter", "create", kModel, "--classes", "5", "--weights", bad, "--output", path("out")},
        {bad, of_weights});
    expect_refused({"adapter", "fuse", fine, "--weights", bad, "--output", path("out")},
                   {bad, of_weights});
    expect_refused({"adapter", "fuse", broken, "--weights", good, "--output", path("out")},
                   {broken, of_adapter});
    expect_refused({"adapter", "merge", fine + ":0.5", broken + ":0.5", "--output", path("out")},
                   {broken, of_adapter});
    expect_refused({"adapter", "extract", bad, "--model", kModel, "--classes", "5", "--weights",
                    good, "--output", path("out")},
                   {bad, of_weights});
    expect_refused({"adapter", "extract", good, "--model", kModel, "--classes", "5", "--weights",
                    bad, "--output", path("out")},
                   {bad, of_weights});
  }
}

TEST_F(WeightsFiles, ASumThatIsTooLargeIsNotWritten) {
  const std::string fine = adapter(weights("good"), "fine", 1e3F);
  expect_refused(
      {"adapter", "merge", fine + ":1e38", fine + ":-1e38", fine + ":1", "--output", path("out")},
      {"holds ", "inf"});
}

TEST_F(WeightsFiles, AreKnownThoughTheirNamesHaveAPrefix) {
  const std::string plain = weights("plain");
  const StateDict state = load_safetensors(plain).state;
  const std::string digest = run({"lorae", "digest", plain}).output;
  const std::string fine = adapter(plain, "fine");
  for (const std::string prefix : {"_orig_mod.", "module.", "module._orig_mod.", "net.model."}) {
    save_safetensors(path("prefixed"), prefixed(state, prefix));
    const Finished converted = run({"lorae", "weights", "convert", path("prefixed"), "--model",
                                    kModel, "--classes", "5", "--output", path("converted")});
    EXPECT_EQ(converted.status, 0) << converted.errors;
    EXPECT_NE(converted.output.find("renamed by -" + prefix), std::string::npos)
        << converted.output;
    const Finished fused = run({"lorae", "adapter", "fuse", fine, "--weights", path("prefixed"),
                                "--output", path("fused")});
    EXPECT_EQ(fused.status, 0) << fused.errors;
  }
}

TEST_F(WeightsFiles, OfAnotherKindAreNamed) {
  const std::vector<std::pair<std::string, std::string>> others = {
      {"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
       "it is a Git LFS pointer, not the file that it points to: run 'git lfs pull'"},
      {std::string("PK\x03\x04\0\0\0\0\0\0archive/data.pkl", 26), "scripts/export_weights.py"},
      {"\x80\x02}q\x01(X\x06weightq\x02", "a Python pickle"},
      {"<!DOCTYPE html>\n<html><head><title>Sign in</title>", "it is a web page"},
      {"\n  <HTML lang=en>Not found</HTML>", "it is a web page"},
      {"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code>", "it is a web page"},
      {R"({"metadata": {"total_size": 7}, "weight_map": {}})", "it is JSON"},
      {"\x89HDF\r\n\x1a\n\0\0\0\0", "HDF5"},
      {"\x1f\x8b\x08\x08\x08\x08\x08\x08\x08", "it is compressed"},
      {"GGUF\x03\x03\x03\x03\x03", "GGUF"},
  };
  for (const auto& [bytes, part] : others) {
    const std::string file = write("other", bytes);
    expect_refused({"weights", "inspect", file}, {file, part});
    expect_refused({"digest", file}, {file, part});
    expect_refused({"adapter", "create", kModel, "--weights", file, "--output", path("out")},
                   {file, part});
    expect_refused(
        {"forward", "--model", kModel, "--weights", file, "--input", file, "--output", path("out")},
        {file, part});
  }
}

TEST_F(WeightsFiles, OfUnknownDtypesAreListed) {
  const std::string header = R"({"a":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]},)"
                             R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})";
  const std::uint64_t size = header.size();
  const std::string file = write("float8", std::string(reinterpret_cast<const char*>(&size), 8) +
                                               header + std::string(8, '\0'));
  const Finished listed = run({"lorae", "weights", "inspect", file});
  EXPECT_EQ(listed.status, 0) << listed.errors;
  for (const char* part : {"a       F8_E4M3  [2,2]", "b       F32      [1]", "digest none"}) {
    EXPECT_NE(listed.output.find(part), std::string::npos) << part << "\n" << listed.output;
  }
  const json object = json::parse(run({"lorae", "weights", "inspect", file, "--json"}).output);
  EXPECT_EQ(object.at("tensors").at(0).at("dtype"), "F8_E4M3");
  EXPECT_TRUE(object.at("digest").is_null());
  expect_refused({"digest", file}, {"'a': unknown dtype \"F8_E4M3\"", "lorae weights inspect"});
}

TEST_F(WeightsFiles, WithEscapeCodesInANameShowThem) {
  const std::string name = "evil\x1b[2J\x1b]0;title\x07";
  save_safetensors(path("evil"), StateDict({{name, torch::ones({1})}}),
                   {{"k\x1b[1m", "v\x1b[0m\n"}});
  save_safetensors(path("other"), StateDict({{name, torch::zeros({1})}}));
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"lorae", "weights", "inspect", path("evil")},
        {"lorae", "weights", "inspect", path("evil"), "--json"},
        {"lorae", "weights", "diff", path("evil"), path("other")},
        {"lorae", "adapter", "create", kModel, "--weights", path("evil"), "--output", path("out")},
        {"lorae", "weights", "convert", path("evil"), "--model", kModel, "--output",
         path("out")}}) {
    const Finished done = run(command);
    const std::string all = done.output + done.errors;
    EXPECT_EQ(all.find_first_of("\x1b\x07"), std::string::npos) << all;
    EXPECT_NE(all.find("evil"), std::string::npos) << all;
  }
}

TEST_F(WeightsFiles, AreReadFromAPipe) {
  const std::string plain = weights("plain");
  const std::string command = "cat " + plain + " | '" LORAE_BIN "/lorae' digest /dev/stdin > " +
                              path("digest") + " && cat " + plain +
                              " | '" LORAE_BIN "/lorae' adapter create " + kModel +
                              " --classes 5 --weights /dev/stdin --output " + path("adapter");
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::string digest;
  std::getline(std::ifstream(path("digest")) >> std::ws, digest);
  EXPECT_EQ(digest + "\n", run({"lorae", "digest", plain}).output);
}

}  // namespace
}  // namespace lorae::test
