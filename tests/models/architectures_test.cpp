#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <sstream>

#include "base/bytes.h"
#include "base/str.h"
#include "tests/models/reference.h"

namespace lorae::models {
namespace {

struct Architecture {
  std::string file, name;
  std::int64_t classes = 0, parameters = 0;
  std::size_t tensors = 0;
  std::string digest;
};

/// Names of the reference's variants that differ from ours.
std::string our_name(const std::string& file) {
  static const std::map<std::string, std::string> renamed = {
      {"deeplabv3_resnet101_tv", "deeplabv3_resnet101"},
      {"deeplabv3plus_resnet101_smp", "deeplabv3plus_resnet101"}};
  const std::string name = file.substr(0, file.find("_nc"));
  return renamed.contains(name) ? renamed.at(name) : name;
}

std::vector<Architecture> architectures() {
  std::ifstream file(LORAE_GOLDEN "/architectures.tsv");
  std::vector<Architecture> all;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) {
      continue;
    }
    std::istringstream cells(line);
    Architecture a;
    cells >> a.file >> a.classes >> a.parameters >> a.tensors >> a.digest;
    a.name = our_name(a.file);
    if (std::ranges::find(model_names(), a.name) != model_names().end()) {
      all.push_back(a);
    }
  }
  return all;
}

std::string sha256_of_names_and_shapes(const std::vector<NamedTensor>& state) {
  std::string text;
  for (const NamedTensor& entry : state) {
    text += str(text.empty() ? "" : "\n", entry.name, ':');
    for (std::int64_t i = 0; i < entry.tensor.dim(); ++i) {
      text += str(i == 0 ? "" : ",", entry.tensor.size(i));
    }
  }
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(text.data()),
                     text.size());
  std::array<char, 2 * crypto_hash_sha256_BYTES + 1> hex{};
  sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
  return hex.data();
}

class Architectures : public ::testing::TestWithParam<Architecture> {};

TEST_P(Architectures, HaveTheReferencesTensorsInItsOrder) {
  const Architecture& reference = GetParam();
  const auto model = build(testing::reference_options(reference.name, reference.classes), Seed{1});
  const std::vector<NamedTensor> state = model->state();
  std::int64_t parameters = 0;
  for (const NamedTensor& entry : state) {
    parameters += entry.kind == TensorKind::kBuffer ? 0 : entry.tensor.numel();
  }
  EXPECT_EQ(parameters, reference.parameters);
  EXPECT_EQ(state.size(), reference.tensors);
  EXPECT_EQ(sha256_of_names_and_shapes(state), reference.digest);
}

INSTANTIATE_TEST_SUITE_P(All,
                         Architectures,
                         ::testing::ValuesIn(architectures()),
                         [](const auto& test) {
                           std::string name = test.param.file;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace lorae::models
