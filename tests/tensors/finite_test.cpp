#include "tensors/finite.h"

#include <limits>

#include "tensors/safetensors.h"
#include "tensors/torch.h"
#include "tests/base/temporary_folder.h"
#include "tests/tensors/helpers.h"

namespace lorae {
namespace {

using testing::expect_error;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const std::vector<double> kNoNumbers = {kInfinity, -kInfinity, std::nan("")};

TEST(CheckFinite, FindsEveryNumberThatIsNone) {
  for (const auto type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
    for (const double number : kNoNumbers) {
      for (const std::int64_t place : {0, 1, 31, 32, 500, 1022}) {  // in vectors and behind them
        const at::Tensor tensor = torch::full({1023}, -2.0, type);
        tensor[place] = number;
        EXPECT_THROW(check_finite("x", "w", tensor), Error)
            << type << ' ' << number << ' ' << place;
      }
    }
  }
}

TEST(CheckFinite, LetsEveryNumberPass) {
  check_finite("x", "w", torch::tensor({std::numeric_limits<float>::max(), -1e38F, 1e-45F, -0.0F}));
  check_finite("x", "w", torch::tensor({std::numeric_limits<double>::max()}, at::kDouble));
  check_finite("x", "w", torch::tensor({65504.0}).to(at::kHalf));
  check_finite("x", "w", torch::empty({0, 3}));
  check_finite("x", "w", torch::tensor({1, 2, 3}));
  check_finite("x", "w", torch::tensor({true, false}));
}

TEST(CheckFinite, NamesTensorPlaceAndCount) {
  const at::Tensor tensor = torch::zeros({2, 3, 4});
  tensor[1][2][3] = kInfinity;
  tensor[1][0][2] = std::nan("");
  expect_error(
      ErrorCode::kCorruptData, [&] { check_finite("weights", "conv1.weight", tensor); },
      "[weights] 'conv1.weight' holds nan at [1, 0, 2]; 2 of its 24 numbers are not finite");
  expect_error(
      ErrorCode::kCorruptData, [] { check_finite("weights", "scale", torch::tensor(-kInfinity)); },
      "'scale' holds -inf at []; 1 of its 1");
  expect_error(
      ErrorCode::kCorruptData,
      [&] {
        check_finite("adapter", StateDict({{"a", torch::ones({2})}, {"b", tensor}}));
      },
      "'b' holds");
}

TEST(Converted, KeepsWhatFitsAndNamesWhatDoesNot) {
  const at::Tensor tensor = torch::tensor({{1.0F, 65504.0F}, {-65519.0F, 0.0F}});
  EXPECT_TRUE(converted("weights", "w", tensor, at::kHalf).equal(tensor.to(at::kHalf)));
  expect_error(
      ErrorCode::kIncompatible, [&] { converted("weights", "w", tensor + 1000, at::kHalf); },
      "[weights] 'w' holds 66504 at [0, 1]: expected at most 65504, the largest Half; use a type "
      "of "
      "a wider range");
  EXPECT_TRUE(converted("weights", "w", tensor * 1e30, at::kBFloat16).defined());
  expect_error(
      ErrorCode::kIncompatible,
      [] { converted("weights", "w", torch::tensor({-1e39}, at::kDouble), at::kFloat); },
      "holds -1e+39 at [0]: expected at most 3.40282e+38, the largest Float");
  for (const double number : kNoNumbers) {
    expect_error(
        ErrorCode::kCorruptData,
        [&] { converted("weights", "w", torch::tensor({number}, at::kFloat), at::kHalf); },
        "'w' holds ");
  }
}

TEST(Converted, LeavesWholeNumbersAlone) {
  const at::Tensor steps = torch::tensor({std::int64_t{1} << 40});
  EXPECT_TRUE(converted("weights", "steps", steps, at::kHalf).equal(steps));
}

TEST(SavedWeights, AreFiniteOrNotWritten) {
  const TemporaryFolder folder;
  for (const double number : kNoNumbers) {
    const StateDict state(
        {{"good", torch::ones({3})}, {"lost", torch::tensor({1.0, number}, at::kFloat)}});
    expect_error(
        ErrorCode::kCorruptData, [&] { save_safetensors(folder / "w", state); },
        "[weights] 'lost' holds ");
    EXPECT_FALSE(std::filesystem::exists(folder / "w"));
    save_safetensors(folder / "any", state, {}, Numbers::kAny);
    EXPECT_TRUE(testing::same_bits(load_safetensors(folder / "any").state, state));
  }
}

}  // namespace
}  // namespace lorae
