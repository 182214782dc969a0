#include "adapters/starts.h"

#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::adapters {
namespace {

using testing::same_bits;

TEST(OrthonormalTensor, HasOrthogonalRowsOfLengthOne) {
  const at::Tensor rows = orthonormal_tensor({7, 2, 3, 3}, Seed{5}).view({7, 18}).to(at::kDouble);
  EXPECT_LT((rows.mm(rows.t()) - torch::eye(7, at::kDouble)).abs().max().item<double>(), 1e-6);
  // More rows than dimensions: blocks.
  const at::Tensor many = orthonormal_tensor({5, 3}, Seed{5}).to(at::kDouble);
  const at::Tensor last = many.slice(0, 3);
  EXPECT_LT((last.mm(last.t()) - torch::eye(2, at::kDouble)).abs().max().item<double>(), 1e-6);
}

/// A matrix that does `strengths` with as many orthogonal rows of `size`, the strongest first.
at::Tensor matrix_of(const std::vector<double>& strengths,
                     std::int64_t size,
                     std::int64_t outputs) {
  const auto count = static_cast<std::int64_t>(strengths.size());
  const at::Tensor left = orthonormal_tensor({count, outputs}, Seed{11}).to(at::kDouble),
                   right = orthonormal_tensor({count, size}, Seed{12}).to(at::kDouble);
  return left.t().mm(torch::tensor(strengths, at::kDouble).diag()).mm(right);
}

at::Tensor gram_error(const at::Tensor& rows) {
  return (rows.mm(rows.t()) - torch::eye(rows.size(0), at::kDouble)).abs().max();
}

TEST(PrincipalTensor, HasTheLeadingSingularVectorsOfEachMatrix) {
  const at::Tensor both =
      at::stack({matrix_of({8, 4, 2, 1, 0.5}, 18, 7), matrix_of({3, 1}, 18, 7)});
  const at::Tensor rows = principal_tensor(both, 2, Seed{5}).to(at::kDouble);
  ASSERT_EQ(rows.sizes(), (std::vector<std::int64_t>{2, 2, 18}));
  for (std::int64_t i = 0; i < 2; ++i) {
    const at::Tensor wanted = std::get<2>(at::linalg_svd(both[i], false)).slice(0, 0, 2);
    EXPECT_LT(
        (rows[i].mm(wanted.t()).abs() - torch::eye(2, at::kDouble)).abs().max().item<double>(),
        1e-4);
  }
}

TEST(PrincipalTensor, GoesOnWithOtherRowsWhereAMatrixHasNoMore) {
  for (const at::Tensor& matrix :
       {matrix_of({3, 1}, 18, 7), torch::zeros({7, 18}, at::kDouble), matrix_of({1}, 18, 1)}) {
    const at::Tensor rows = principal_tensor(matrix.unsqueeze(0), 9, Seed{5})[0].to(at::kDouble);
    EXPECT_LT(gram_error(rows).item<double>(), 1e-6);
    EXPECT_LT((matrix.mm(rows.t()).norm() - matrix.norm()).abs().item<double>(), 1e-6)
        << "all that it does is in them";
  }
  EXPECT_EQ(principal_tensor(torch::ones({1, 2, 3}), 5, Seed{5}).isfinite().sum().item<int>(), 15);
}

/// A device and the coordinator start from the same bits, whatever their processors.
TEST(PrincipalTensor, IsTheSameOnEveryMachine) {
  const at::Tensor rows = principal_tensor(uniform_tensor({1, 3, 4}, 1, Seed{42}), 2, Seed{5});
  const at::Tensor golden =
      torch::tensor({{0x1.f44d74p-1F, -0x1.266f2ap-4F, 0x1.ea363ep-5F, 0x1.86db84p-3F},
                     {-0x1.0d097ap-3F, 0x1.1021e4p-2F, 0x1.998342p-1F, 0x1.0b37d4p-1F}});
  EXPECT_TRUE(same_bits(rows[0], golden)) << rows;
}

TEST(UniformTensor, IsTheGoldenStreamOfItsSeed) {
  // tests/golden/torch_folders.py
  const at::Tensor golden = torch::tensor({{0x1.ceafp-4F, -0x1.0156ep-5F, -0x1.b502cp-2F},
                                           {-0x1.45ea68p-3F, 0x1.f36c84p-2F, -0x1.622cap-3F}});
  EXPECT_TRUE(same_bits(uniform_tensor({2, 3}, 0.5, Seed{42}), golden));
}

TEST(UniformTensor, ContinuesItsStreamWhateverTheShape) {
  const at::Tensor long_one = uniform_tensor({100}, 0.5, Seed{42});
  EXPECT_TRUE(same_bits(uniform_tensor({2, 3}, 0.5, Seed{42}).view(-1), long_one.slice(0, 0, 6)));
}

TEST(UniformTensor, StaysInItsBoundsAndFillsThem) {
  const at::Tensor values = uniform_tensor({10000}, 0.5, Seed{1});
  EXPECT_GE(values.min().item<double>(), -0.5);
  EXPECT_LT(values.max().item<double>(), 0.5);
  EXPECT_LT(values.min().item<double>(), -0.49);
  EXPECT_GT(values.max().item<double>(), 0.49);
  EXPECT_NEAR(values.mean().item<double>(), 0.0, 0.01);
}

}  // namespace
}  // namespace lorae::adapters
