#include "tensors/state_dict.h"

#include <bit>

#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae {
namespace {

using testing::expect_error;
using testing::same_bits;

at::Tensor floats(std::vector<float> values) {
  return torch::tensor(values);
}

/// The state of tests/golden/torch_folders.py.
StateDict golden() {
  return StateDict({{"b", torch::tensor(7, torch::kLong)},
                    {"c", torch::empty({0, 3})},
                    {"a", floats({1, 2, 3, 4}).view({2, 2})}});
}

StateDict one(const std::string& name, const at::Tensor& tensor) {
  return StateDict({{name, tensor}});
}

TEST(StateDict, IsSortedByName) {
  const StateDict state({{"b", floats({1})}, {"a.10", floats({2})}, {"a.2", floats({3})}});

  std::vector<std::string> names;
  for (const auto& [name, tensor] : state) {
    names.push_back(name);
  }

  EXPECT_EQ(names, (std::vector<std::string>{"a.10", "a.2", "b"}));
  EXPECT_EQ(state.size(), 3U);
  EXPECT_FALSE(state.empty());
}

TEST(StateDict, RefusesANameThatComesTwice) {
  expect_error(
      ErrorCode::kInvalidArgument,
      [] {
        StateDict({{"w", floats({1})}, {"v", floats({2})}, {"w", floats({3})}});
      },
      "[state_dict] 'w' comes twice");
}

TEST(StateDict, DefaultIsEmpty) {
  const StateDict state;
  EXPECT_TRUE(state.empty());
  EXPECT_EQ(state.numel(), 0);
  EXPECT_EQ(state.find("a"), nullptr);
}

TEST(StateDict, FindsByName) {
  const StateDict state = golden();
  EXPECT_EQ(state.find("b")->item<std::int64_t>(), 7);
  EXPECT_EQ(state.at("b").item<std::int64_t>(), 7);
  for (const char* absent : {"", "A", "aa", "d"}) {
    EXPECT_EQ(state.find(absent), nullptr) << absent;
  }
}

TEST(StateDict, AtNamesTheMissingTensor) {
  expect_error(
      ErrorCode::kIncompatible, [] { golden().at("fc.weight"); },
      "[state_dict] no tensor 'fc.weight'");
}

TEST(StateDict, CountsTheNumbersOfAllTensors) {
  EXPECT_EQ(golden().numel(), 4 + 1 + 0);
}

TEST(StateDict, CopiesShareStorage) {
  const StateDict state = one("w", floats({1, 2}));
  const StateDict copy = state;
  copy.at("w").fill_(9);
  EXPECT_EQ(state.at("w")[0].item<float>(), 9);
}

TEST(StateDict, ClonesAreIndependentAndLeaveAutograd) {
  const StateDict state = one("w", floats({1, 2}).set_requires_grad(true));
  const StateDict clone = state.clone();
  EXPECT_TRUE(same_bits(clone, state));
  EXPECT_FALSE(clone.at("w").requires_grad());
  clone.at("w").fill_(9);
  EXPECT_EQ(state.at("w")[0].item<float>(), 1);
}

TEST(CheckAligned, AcceptsEqualNamesAndShapesOfAnyDtype) {
  check_aligned({}, {});
  check_aligned(one("w", floats({1, 2})), one("w", torch::zeros({2}, torch::kDouble)));
}

TEST(CheckAligned, NamesTheFirstDifference) {
  const StateDict w = one("w", torch::zeros({2, 3}));
  const StateDict v_w({{"v", torch::zeros({1})}, {"w", torch::zeros({2, 3})}});
  const auto refuses = [](const StateDict& a, const StateDict& b, std::string_view message) {
    expect_error(
        ErrorCode::kIncompatible, [&] { check_aligned(a, b); }, message);
  };
  refuses(w, one("v", torch::zeros({2, 3})),
          "[state_dict] expected 'w', got 'v'; was it made for another model?");
  refuses(w, one("w", torch::zeros({3, 2})),
          "[state_dict] 'w': expected shape [2, 3], got [3, 2]; was it made for another model or "
          "rank?");
  refuses(w, one("w", torch::zeros({2, 3, 1})), "expected shape [2, 3], got [2, 3, 1]");
  refuses(v_w, one("v", torch::zeros({1})), "[state_dict] 'w' is missing");
  refuses(one("v", torch::zeros({1})), v_w, "[state_dict] 'w' is not part of this model");
  refuses(w, {}, "[state_dict] 'w' is missing");
}

TEST(CopyValues, KeepsStorageDtypeAndAutograd) {
  const StateDict to = one("w", floats({1, 2}).set_requires_grad(true));
  const void* storage = to.at("w").data_ptr();

  copy_values_(to, one("w", torch::tensor({3.0, 4.0}, torch::kDouble)));

  EXPECT_TRUE(to.at("w").detach().equal(floats({3, 4})));
  EXPECT_EQ(to.at("w").data_ptr(), storage);
  EXPECT_TRUE(to.at("w").requires_grad());
  EXPECT_TRUE(to.at("w").is_leaf());
}

TEST(CopyValues, DoesNotTieTheTwoStatesTogether) {
  const StateDict to = one("w", floats({1, 2}));
  const StateDict from = one("w", floats({3, 4}));
  copy_values_(to, from);
  from.at("w").fill_(9);
  EXPECT_TRUE(to.at("w").equal(floats({3, 4})));
}

TEST(CopyValues, ChangesNothingIfTheStatesDiffer) {
  const StateDict to({{"a", floats({1})}, {"b", floats({2})}});
  const StateDict from({{"a", floats({7})}, {"b", floats({8, 9})}});
  expect_error(
      ErrorCode::kIncompatible, [&] { copy_values_(to, from); }, "'b': expected shape [1]");
  EXPECT_EQ(to.at("a").item<float>(), 1);
}

TEST(StateDigest, IsTheDocumentedFormula) {
  EXPECT_EQ(digest_of(golden()).hex(),
            "6b59fc50480944c9b2422a14cd761940467ec4f20f2daea8cf05bc069a7fd530");
}

TEST(StateDigest, IgnoresHowAnEqualStateWasMade) {
  const at::Tensor matrix = torch::arange(6, torch::kFloat).view({2, 3});
  const at::Tensor strided = matrix.t().contiguous().t();
  ASSERT_FALSE(strided.is_contiguous());
  EXPECT_EQ(digest_of(one("w", matrix)), digest_of(one("w", strided)));
  EXPECT_EQ(digest_of(one("w", matrix)),
            digest_of(one("w", matrix.clone().set_requires_grad(true))));
  EXPECT_EQ(digest_of(golden()), digest_of(golden().clone()));
}

TEST(StateDigest, SeesNameDtypeAndShape) {
  const std::vector<StateDict> different = {
      {},
      one("w", torch::zeros({4})),
      one("v", torch::zeros({4})),
      one("w", torch::zeros({4}, torch::kInt)),
      one("w", torch::zeros({2, 2})),
      one("w", torch::zeros({4, 1})),
      one("w", torch::zeros({5})),
      one("w", torch::zeros({0, 4})),
      one("w", torch::zeros({4, 0})),
      StateDict({{"w", torch::zeros({2})}, {"x", torch::zeros({2})}}),
      StateDict({{"w", torch::zeros({4})}, {"x", torch::zeros({0})}}),
  };
  for (std::size_t i = 0; i < different.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_NE(digest_of(different[i]), digest_of(different[j])) << i << " and " << j;
    }
  }
}

TEST(StateDigest, SeesEveryBit) {
  const Digest whole = digest_of(one("w", floats({1, 0, 3})));
  for (int bit = 0; bit < 32; ++bit) {
    const auto flipped = std::bit_cast<float>(std::bit_cast<std::uint32_t>(0.0F) ^ 1U << bit);
    EXPECT_NE(digest_of(one("w", floats({1, flipped, 3}))), whole) << "bit " << bit;
  }
}

TEST(StateDigest, RefusesADtypeThatNoFileHolds) {
  expect_error(
      ErrorCode::kInvalidArgument,
      [] { digest_of(one("w", torch::zeros({1}, torch::kComplexFloat))); },
      "[safetensors] no dtype for ComplexFloat");
}

}  // namespace
}  // namespace lorae
