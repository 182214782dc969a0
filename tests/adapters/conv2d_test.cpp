#include "adapters/conv2d.h"

#include "adapters/starts.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::adapters {
namespace {

using testing::expect_error;
using testing::relative_error;
using testing::same_bits;

constexpr double kAlpha = 16;

at::Tensor random(const std::vector<std::int64_t>& shape, std::uint64_t seed) {
  return uniform_tensor(shape, 1.0, Seed{seed});
}

/// A convolution whose adapter does something: the mapper is not zero.
Conv2d adapted(const Conv2dOptions& options, std::int64_t rank) {
  Conv2d conv(options, Seed{1});
  conv.attach(rank, kAlpha, Seed{2});
  conv.mapper = random({options.out_channels, rank, 1, 1}, 3);
  return conv;
}

void to_double(Conv2d& conv) {
  conv.weight = conv.weight.to(torch::kDouble);
  conv.extractor = conv.extractor.to(torch::kDouble);
  conv.mapper = conv.mapper.to(torch::kDouble);
}

std::string text_of(const Conv2dOptions& o) {
  return str(o.in_channels, "->", o.out_channels, " kernel ", o.kernel, " stride ", o.stride,
             " padding ", o.padding, " dilation ", o.dilation);
}

/// Every geometry that a CNN of our field uses.
std::vector<Conv2dOptions> geometries() {
  std::vector<Conv2dOptions> all;
  for (const std::int64_t kernel : {1, 3, 5}) {
    for (const std::int64_t stride : {1, 2}) {
      for (const std::int64_t padding : {std::int64_t{0}, kernel / 2}) {
        for (const std::int64_t dilation : {1, 2}) {
          all.push_back({.in_channels = 3,
                         .out_channels = 6,
                         .kernel = kernel,
                         .stride = stride,
                         .padding = padding,
                         .dilation = dilation});
        }
      }
    }
  }
  return all;
}

struct Gradients {
  at::Tensor output, input, extractor, mapper;
};

/// Output and gradients of a fixed weighting of the outputs.
Gradients run(const Conv2d& original,
              Form form,
              const at::Tensor& x,
              const at::Tensor& scale,
              const at::Tensor& shift,
              bool extractor_learns = true) {
  Conv2d conv = original;
  conv.form = form;
  conv.extractor = conv.extractor.detach().clone().set_requires_grad(extractor_learns);
  conv.mapper = conv.mapper.detach().clone().set_requires_grad(true);
  const at::Tensor input = x.detach().clone().set_requires_grad(true);
  const at::Tensor output = conv.forward(input, scale, shift);
  (output * random(output.sizes().vec(), 4).to(output.scalar_type())).sum().backward();
  return {output.detach(), input.grad(), conv.extractor.grad(), conv.mapper.grad()};
}

void expect_near(const Gradients& got, const Gradients& expected, double tolerance) {
  EXPECT_LT(relative_error(got.output, expected.output), tolerance);
  EXPECT_LT(relative_error(got.input, expected.input), tolerance);
  EXPECT_LT(relative_error(got.extractor, expected.extractor), tolerance);
  EXPECT_LT(relative_error(got.mapper, expected.mapper), tolerance);
}

void expect_forms_agree(const Conv2d& conv,
                        const at::Tensor& x,
                        const at::Tensor& scale,
                        const at::Tensor& shift,
                        double tolerance) {
  const Gradients branch = run(conv, Form::kBranch, x, scale, shift);
  for (const Form form : kForms) {
    SCOPED_TRACE(name_of(form));
    expect_near(run(conv, form, x, scale, shift), branch, tolerance);
  }
}

TEST(Conv2d, AllFormsAgreeForEveryGeometryAndRank) {
  for (const Conv2dOptions& options : geometries()) {
    for (const std::int64_t rank : {1, 2, 8, 16}) {
      SCOPED_TRACE(str(text_of(options), " rank ", rank));
      const Conv2d conv = adapted(options, rank);
      const at::Tensor x = random({2, options.in_channels, 11, 10}, 5);
      expect_forms_agree(conv, x, {}, {}, 1e-5);
    }
  }
}

TEST(Conv2d, AllFormsAgreeWithScaleAndShift) {
  const at::Tensor scale = random({6}, 6) + 1.5;
  const at::Tensor shift = random({6}, 7);
  for (const Conv2dOptions& options : geometries()) {
    SCOPED_TRACE(text_of(options));
    const Conv2d conv = adapted(options, 4);
    const at::Tensor x = random({2, options.in_channels, 11, 10}, 5);
    expect_forms_agree(conv, x, scale, shift, 1e-5);
    expect_forms_agree(conv, x, scale, {}, 1e-5);
    expect_forms_agree(conv, x, {}, shift, 1e-5);
  }
}

TEST(Conv2d, AllFormsAgreeInDoublePrecision) {
  for (const Conv2dOptions& options : geometries()) {
    SCOPED_TRACE(text_of(options));
    Conv2d conv = adapted(options, 4);
    to_double(conv);
    const at::Tensor x = random({2, options.in_channels, 11, 10}, 5).to(torch::kDouble);
    const at::Tensor scale = random({6}, 6).to(torch::kDouble) + 1.5;
    const at::Tensor shift = random({6}, 7).to(torch::kDouble);
    expect_forms_agree(conv, x, scale, shift, 1e-13);
    conv.fold_norm(scale, shift);
    expect_forms_agree(conv, x, {}, {}, 1e-13);
  }
}

// The formula, written out: y = (conv(x, W) + alpha / r * B(A x)) * scale + shift.
TEST(Conv2d, ComputesTheFormulaOfTheBranch) {
  const Conv2dOptions options{
      .in_channels = 3, .out_channels = 6, .kernel = 3, .stride = 2, .padding = 1};
  const Conv2d conv = adapted(options, 4);
  const at::Tensor x = random({2, 3, 9, 9}, 5);
  const at::Tensor scale = random({6}, 6) + 1.5;
  const at::Tensor shift = random({6}, 7);
  const at::Tensor low_rank = torch::conv2d(x, conv.extractor, {}, 2, 1);
  const at::Tensor plain =
      torch::conv2d(x, conv.weight, {}, 2, 1) + kAlpha / 4 * torch::conv2d(low_rank, conv.mapper);
  const at::Tensor expected = plain * scale.view({-1, 1, 1}) + shift.view({-1, 1, 1});

  EXPECT_LT(relative_error(conv.forward(x, scale, shift), expected), 1e-5);
}

/// Where the extractor stays as it is, all else is as if it learned.
TEST(Conv2d, AFixedExtractorGetsNoGradientAndChangesNoOther) {
  for (const Conv2dOptions& options : geometries()) {
    SCOPED_TRACE(text_of(options));
    Conv2d conv = adapted(options, 4);
    to_double(conv);
    const at::Tensor x = random({2, options.in_channels, 11, 10}, 5).to(torch::kDouble);
    const at::Tensor scale = random({6}, 6).to(torch::kDouble) + 1.5;
    for (const Form form : kForms) {
      SCOPED_TRACE(name_of(form));
      const Gradients learns = run(conv, form, x, scale, {});
      const Gradients fixed = run(conv, form, x, scale, {}, /*extractor_learns=*/false);
      EXPECT_FALSE(fixed.extractor.defined());
      EXPECT_LT(relative_error(fixed.output, learns.output), 1e-13);
      EXPECT_LT(relative_error(fixed.input, learns.input), 1e-13);
      EXPECT_LT(relative_error(fixed.mapper, learns.mapper), 1e-13);
    }
  }
}

TEST(Conv2d, GradientsAreThoseOfFiniteDifferences) {
  constexpr double kStep = 1e-6;
  Conv2d conv =
      adapted({.in_channels = 2, .out_channels = 3, .kernel = 3, .stride = 2, .padding = 1}, 2);
  to_double(conv);
  const at::Tensor x = random({1, 2, 5, 5}, 5).to(torch::kDouble);
  const auto slope = [&](at::Tensor values, std::int64_t i) {
    const auto objective = [&] {
      const at::Tensor y = conv.forward(x, {}, {});
      return (y * random(y.sizes().vec(), 4).to(torch::kDouble)).sum().item<double>();
    };
    double* value = values.data_ptr<double>() + i;
    const double original = *value;
    *value = original + kStep;
    const double above = objective();
    *value = original - kStep;
    const double below = objective();
    *value = original;
    return (above - below) / (2 * kStep);
  };
  for (const Form form : kForms) {
    const Gradients gradients = run(conv, form, x, {}, {});
    for (std::int64_t i = 0; i < conv.extractor.numel(); ++i) {
      EXPECT_NEAR(gradients.extractor.view(-1)[i].item<double>(), slope(conv.extractor, i), 1e-7);
    }
    for (std::int64_t i = 0; i < conv.mapper.numel(); ++i) {
      EXPECT_NEAR(gradients.mapper.view(-1)[i].item<double>(), slope(conv.mapper, i), 1e-7);
    }
  }
}

TEST(Conv2d, FusedWeightGivesTheBranchesOutputByAPlainConvolution) {
  for (const Conv2dOptions& options : geometries()) {
    SCOPED_TRACE(text_of(options));
    Conv2d conv = adapted(options, 8);
    conv.form = Form::kBranch;
    const at::Tensor x = random({2, options.in_channels, 11, 10}, 5);
    const at::Tensor plain = torch::conv2d(x, conv.fused_weight(), {}, options.stride,
                                           options.padding, options.dilation);
    EXPECT_EQ(conv.fused_weight().sizes(), conv.weight.sizes());
    EXPECT_LT(relative_error(plain, conv.forward(x, {}, {})), 1e-5);
  }
}

TEST(Conv2d, AFreshAdapterChangesNoBit) {
  const at::Tensor scale = random({6}, 6) + 1.5;
  const at::Tensor shift = random({6}, 7);
  const torch::NoGradGuard no_grad;
  for (const Conv2dOptions& options : geometries()) {
    SCOPED_TRACE(text_of(options));
    const Conv2d plain(options, Seed{1});
    Conv2d fresh(options, Seed{1});
    fresh.attach(8, kAlpha, Seed{2});
    const at::Tensor x = random({2, options.in_channels, 11, 10}, 5);
    EXPECT_TRUE(same_bits(fresh.fused_weight(), plain.weight));
    EXPECT_TRUE(same_bits(fresh.forward(x, {}, {}), plain.forward(x, {}, {})));
    EXPECT_TRUE(same_bits(fresh.forward(x, scale, shift), plain.forward(x, scale, shift)));
  }
}

TEST(Conv2d, TrainingTheAdapterFormsNoGradientOfTheWeight) {
  const Conv2d conv = adapted({.in_channels = 3, .out_channels = 6, .kernel = 3, .padding = 1}, 4);
  run(conv, Form::kBranch, random({2, 3, 7, 7}, 5), {}, {});
  run(conv, Form::kMerged, random({2, 3, 7, 7}, 5), {}, {});
  EXPECT_FALSE(conv.weight.requires_grad());
  EXPECT_FALSE(conv.weight.grad().defined());
}

TEST(Conv2d, WorksWithoutAnAdapter) {
  const Conv2d conv({.in_channels = 3, .out_channels = 6, .kernel = 3, .padding = 1}, Seed{1});
  const at::Tensor x = random({2, 3, 7, 7}, 5);
  EXPECT_FALSE(conv.has_adapter());
  EXPECT_TRUE(same_bits(conv.fused_weight(), conv.weight));
  EXPECT_TRUE(same_bits(conv.forward(x, {}, {}), torch::conv2d(x, conv.weight, {}, 1, 1)));
}

TEST(Conv2d, WeightsAreKaimingNormalByFanOut) {
  const Conv2d conv({.in_channels = 64, .out_channels = 128, .kernel = 3}, Seed{1});
  EXPECT_EQ(conv.weight.sizes(), (std::vector<std::int64_t>{128, 64, 3, 3}));
  EXPECT_NEAR(conv.weight.mean().item<double>(), 0.0, 1e-3);
  EXPECT_NEAR(conv.weight.std().item<double>(), std::sqrt(2.0 / (128 * 9)), 5e-4);
}

TEST(Attach, ShapesExtractorAndMapperAndScalesByAlphaOverRank) {
  Conv2d conv({.in_channels = 4, .out_channels = 6, .kernel = 3, .stride = 2}, Seed{1});
  conv.attach(5, 20, Seed{2});
  EXPECT_TRUE(conv.has_adapter());
  EXPECT_EQ(conv.extractor.sizes(), (std::vector<std::int64_t>{5, 4, 3, 3}));
  EXPECT_EQ(conv.mapper.sizes(), (std::vector<std::int64_t>{6, 5, 1, 1}));
  EXPECT_EQ(conv.mapper.count_nonzero().item<int>(), 0);
  EXPECT_DOUBLE_EQ(conv.scaling, 4.0);
  EXPECT_LE(conv.extractor.abs().max().item<double>(), 1.0 / 6.0);
}

/// The residual of each group comes behind its own filters, which are as without one.
TEST(Attach, StartsAResidualWithZeros) {
  for (const ExtractorInit init :
       {ExtractorInit::kKaiming, ExtractorInit::kOrthonormal, ExtractorInit::kPrincipal}) {
    for (const std::int64_t groups : {1, 2}) {
      Conv2d plain({.in_channels = 6, .out_channels = 8, .kernel = 3, .groups = groups}, Seed{1});
      Conv2d wide = plain;
      plain.attach({.rank = 2, .alpha = kAlpha, .scaling = 8, .init = init}, Seed{2});
      wide.attach({.rank = 5, .residual = 3, .alpha = kAlpha, .scaling = 8, .init = init}, Seed{2});
      const at::Tensor filters = wide.extractor.unflatten(0, {groups, 5});
      EXPECT_TRUE(same_bits(filters.slice(1, 0, 2).flatten(0, 1), plain.extractor));
      EXPECT_EQ(filters.slice(1, 2).count_nonzero().item<std::int64_t>(), 0);
      EXPECT_EQ(wide.mapper.sizes(), (std::vector<std::int64_t>{8, 5, 1, 1}));
    }
  }
}

TEST(Attach, PutsPrincipalCoresBetweenWhatTheWeightDoesMost) {
  const Conv2d plain({.in_channels = 4, .out_channels = 8, .kernel = 1}, Seed{1});
  const at::Tensor weight = plain.weight.view({8, 4});
  /// Of what the weight does, what a core of this rank can say.
  const auto held = [&](std::int64_t rank) {
    Conv2d conv = plain;
    conv.attach({.rank = rank, .alpha = kAlpha, .init = ExtractorInit::kPrincipal}, Seed{2});
    conv.attach_core(ExtractorInit::kPrincipal, Seed{3});
    return conv.basis.t().mm(weight).mm(conv.extractor.view({rank, 4}).t()).norm().item<double>();
  };
  EXPECT_NEAR(held(4) / weight.norm().item<double>(), 1, 1e-5);
  const at::Tensor strengths = std::get<1>(at::linalg_svd(weight, false));
  EXPECT_NEAR(held(1) / strengths[0].item<double>(), 1, 0.02);
}

TEST(Attach, RefusesARankThatIsNotPositive) {
  Conv2d conv({.in_channels = 4, .out_channels = 6}, Seed{1});
  for (const std::int64_t rank : {0, -1}) {
    expect_error(
        ErrorCode::kInvalidArgument, [&] { conv.attach(rank, 16, Seed{2}); },
        str("[adapters] expected a rank of at least 1, got ", rank));
  }
}

TEST(Conv2d, AllFormsAgreeInInference) {
  const torch::NoGradGuard no_grad;
  for (const Conv2dOptions& options : geometries()) {
    Conv2d conv = adapted(options, 4);
    to_double(conv);
    const at::Tensor x = random({2, options.in_channels, 11, 10}, 5).to(torch::kDouble);
    const at::Tensor scale = random({6}, 6).to(torch::kDouble) + 1.5;
    conv.form = Form::kBranch;
    const at::Tensor branch = conv.forward(x, scale, scale);
    for (const Form form : kForms) {
      conv.form = form;
      EXPECT_LT(relative_error(conv.forward(x, scale, scale), branch), 1e-13) << name_of(form);
    }
  }
}

TEST(CheapestForm, DependsOnTheMapAndTheWidth) {
  const auto form = [](std::int64_t channels, std::int64_t positions, bool training,
                       std::int64_t groups = 1) {
    return cheapest_form(
        {.name = {}, .in = channels, .out = channels, .kernel = 3, .groups = groups}, positions,
        training);
  };
  for (const bool training : {true, false}) {
    EXPECT_EQ(form(512, 49, training), Form::kBranch);   // 2.4 M against 0.3 M
    EXPECT_EQ(form(512, 400, training), Form::kBranch);  // 2.4 M against 2.0 M
    EXPECT_EQ(form(64, 6400, training, 64), Form::kMerged);
  }
  for (const std::int64_t channels : {16, 64, 512}) {
    EXPECT_EQ(form(channels, 6400, true), Form::kThin);
    EXPECT_EQ(form(channels, 6400, false), Form::kMerged);
  }
}

TEST(GroupedAdapter, FusedIsTheBranch) {
  for (const std::int64_t groups : {2, 6}) {
    Conv2d conv({.in_channels = 6, .out_channels = 12, .kernel = 3, .padding = 1, .groups = groups},
                Seed{1});
    conv.attach(2, kAlpha, Seed{2});
    EXPECT_EQ(conv.extractor.sizes(), (std::vector<std::int64_t>{2 * groups, 6 / groups, 3, 3}));
    conv.mapper = random({12, 2, 1, 1}, 3);
    to_double(conv);
    conv.form = Form::kBranch;
    const at::Tensor x = random({2, 6, 5, 5}, 4).to(torch::kDouble);
    const at::Tensor branch = conv.forward(x, {}, {});
    conv.fuse();
    EXPECT_LT(relative_error(conv.forward(x, {}, {}), branch), 1e-12);
    EXPECT_GT(relative_error(at::conv2d(x, conv.plain_weight, {}, 1, 1, 1, groups), branch), 1e-3);
  }
}

TEST(FoldNorm, GivesTheSameOutputsWithTheAdapterBeforeOrAfter) {
  const Conv2dOptions options{.in_channels = 4, .out_channels = 6, .kernel = 3, .bias = true};
  Conv2d plain = adapted(options, 3);
  plain.bias = random({6}, 9);
  to_double(plain);
  plain.bias = plain.bias.to(torch::kDouble);
  const at::Tensor scale = random({6}, 5).to(torch::kDouble);
  const at::Tensor shift = random({6}, 6).to(torch::kDouble);
  const at::Tensor x = random({2, 4, 7, 7}, 7).to(torch::kDouble);
  const at::Tensor expected = plain.forward(x, scale, shift);

  Conv2d folded = plain;
  folded.fold_norm(scale, shift);
  for (const Form form : kForms) {
    folded.form = form;
    EXPECT_LT(relative_error(folded.forward(x, {}, {}), expected), 1e-12);
  }
  Conv2d late = plain;
  late.extractor = at::Tensor();
  late.mapper = at::Tensor();
  late.fold_norm(scale, shift);
  late.extractor = plain.extractor;
  late.mapper = plain.mapper;
  EXPECT_LT(relative_error(late.forward(x, {}, {}), expected), 1e-12);
  late.fuse();
  EXPECT_LT(relative_error(late.forward(x, {}, {}), expected), 1e-12);
  Conv2d fused_first = plain;
  fused_first.fuse();
  fused_first.fold_norm(scale, shift);
  EXPECT_LT(relative_error(fused_first.forward(x, {}, {}), expected), 1e-12);
  fused_first.unfuse();
  late.unfuse();
  EXPECT_TRUE(same_bits(fused_first.weight, late.weight));
}

}  // namespace
}  // namespace lorae::adapters
