#include "models/nets/resnet.h"

#include "adapters/starts.h"
#include "models/model.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae::models {
namespace {

using testing::expect_error;
using testing::relative_error;
using testing::same_bits;

constexpr std::int64_t kRank = 8;

ModelOptions fashion(const std::string& name) {
  return {.name = name};
}

ModelOptions cifar100(const std::string& name) {
  return {.name = name, .classes = 100, .channels = 3, .height = 32, .width = 32, .pool = 1};
}

at::Tensor images(std::int64_t count, const ModelOptions& options, std::uint64_t seed = 7) {
  return adapters::uniform_tensor({count, options.channels, options.height, options.width}, 2.0,
                                  Seed{seed});
}

bool is_statistic(const std::string& name) {
  return name.ends_with("running_mean") || name.ends_with("running_var");
}

/// Gives every BatchNorm tensor values that a trained network could have.
void make_norms_interesting(const Model& model) {
  std::uint64_t seed = 100;
  for (const auto& [name, tensor] : model.backbone()) {
    if (tensor.dim() == 1 && name != "fc.bias") {
      const at::Tensor noise = adapters::uniform_tensor({tensor.numel()}, 0.3, Seed{seed++});
      const bool positive = name.ends_with("running_var") || name.ends_with("weight");
      at::Tensor(tensor).copy_(positive ? noise + 1.0 : noise);
    }
  }
}

/// resnet8 written out by the names of its tensors: conv, BatchNorm in eval mode, ReLU.
at::Tensor reference_resnet8(const StateDict& weights, const at::Tensor& input, std::int64_t pool) {
  const auto conv_norm = [&](const at::Tensor& x, const std::string& conv, const std::string& norm,
                             std::int64_t stride, std::int64_t padding) {
    return torch::batch_norm(torch::conv2d(x, weights.at(conv + ".weight"), {}, stride, padding),
                             weights.at(norm + ".weight"), weights.at(norm + ".bias"),
                             weights.at(norm + ".running_mean"), weights.at(norm + ".running_var"),
                             /*training=*/false, 0.1, 1e-5, /*cudnn_enabled=*/false);
  };
  at::Tensor x = torch::avg_pool2d(input, {pool, pool});
  x = torch::relu(conv_norm(x, "conv1", "bn1", 1, 1));
  for (int stage = 1; stage <= 3; ++stage) {
    const std::string block = str("layer", stage, ".0");
    const std::int64_t stride = stage == 1 ? 1 : 2;
    const at::Tensor hidden =
        torch::relu(conv_norm(x, block + ".conv1", block + ".bn1", stride, 1));
    const at::Tensor shortcut =
        stage == 1 ? x : conv_norm(x, block + ".downsample.0", block + ".downsample.1", stride, 0);
    x = torch::relu(conv_norm(hidden, block + ".conv2", block + ".bn2", 1, 1) + shortcut);
  }
  return torch::linear(x.mean({2, 3}), weights.at("fc.weight"), weights.at("fc.bias"));
}

TEST(Resnet8, HasTheNamesOfItsTable) {
  const auto model = build(fashion("resnet8"), Seed{1});
  std::vector<std::string> names;
  for (const auto& [name, conv] : model->convolutions()) {
    names.push_back(name);
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"conv1", "layer1.0.conv1", "layer1.0.conv2", "layer2.0.conv1",
                                      "layer2.0.conv2", "layer2.0.downsample.0", "layer3.0.conv1",
                                      "layer3.0.conv2", "layer3.0.downsample.0"}));
}

struct Count {
  ModelOptions options;
  std::int64_t weights, norm, adapter, head;
};

TEST(Models, HaveExactlyTheParametersOfTheirTables) {
  // Conv sum of k k Cin Cout; BatchNorm 2 C; adapter sum of r (k k Cin + Cout); head F classes +
  // classes. 11,220,132 and 11,173,962 are the known totals of CIFAR ResNet-18.
  const std::vector<Count> expected = {
      {fashion("resnet8"), 306730, 1344, 31560, 1290},
      {cifar100("resnet18"), 11220132 - 9600, 9600, 286424, 51300},
  };
  for (const Count& count : expected) {
    SCOPED_TRACE(count.options.name);
    const auto model = build(count.options, Seed{1});
    EXPECT_EQ(model->weights().numel(), count.weights);
    EXPECT_EQ(model->backbone().numel(), count.weights + 2 * count.norm);
    EXPECT_EQ(model->head().numel(), count.head);
    EXPECT_EQ(model->adapter().numel(), 0);
    model->attach_adapters({.rank = kRank, .alpha = 16}, Seed{1});
    EXPECT_EQ(model->adapter().numel(), count.adapter);
    EXPECT_EQ(model->weights().numel(), count.weights) << "adapters are no weights";
  }
}

TEST(Models, TrainATenthOfTheWeightsWithLorae) {
  const auto model = build(fashion("resnet8"), Seed{1});
  model->attach_adapters({.rank = kRank, .alpha = 16}, Seed{1});
  EXPECT_EQ(model->adapter().numel() + model->head().numel(), 32850);
}

TEST(Models, GiveOneLogitPerClass) {
  const torch::NoGradGuard no_grad;
  for (const ModelOptions& options :
       {fashion("resnet8"), cifar100("resnet8"), cifar100("resnet18")}) {
    const auto model = build(options, Seed{1});
    EXPECT_EQ(model->forward(images(2, options)).sizes(),
              (std::vector<std::int64_t>{2, options.classes}));
  }
}

TEST(Models, TakeOddImageSizes) {
  const ModelOptions options{.name = "resnet8", .classes = 3, .height = 9, .width = 13};
  const torch::NoGradGuard no_grad;
  EXPECT_EQ(build(options, Seed{1})->forward(images(1, options)).size(1), 3);
}

TEST(Models, FoldFrozenBatchNormWithoutChangingTheOutput) {
  const ModelOptions options = fashion("resnet8");
  const auto model = build(options, Seed{1});
  make_norms_interesting(*model);
  const at::Tensor x = images(3, options);
  const torch::NoGradGuard no_grad;
  EXPECT_LT(
      relative_error(model->forward(x), reference_resnet8(model->backbone(), x, options.pool)),
      1e-5);
}

TEST(Models, PoolTheImageFirst) {
  ModelOptions options = fashion("resnet8");
  const auto pooled = build(options, Seed{1});
  options.pool = 1;
  const auto whole = build(options, Seed{1});
  const at::Tensor x = images(2, options);
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(same_bits(pooled->forward(x), whole->forward(torch::avg_pool2d(x, 2))));
}

TEST(Models, AFreshAdapterChangesNoBit) {
  const ModelOptions options = fashion("resnet8");
  const auto model = build(options, Seed{1});
  make_norms_interesting(*model);
  const torch::NoGradGuard no_grad;
  const at::Tensor before = model->forward(images(2, options));
  model->attach_adapters({.rank = kRank, .alpha = 16}, Seed{1});
  EXPECT_TRUE(same_bits(model->forward(images(2, options)), before));
}

TEST(Models, AnAdapterIsFusedByReplacingTheConvolutions) {
  const ModelOptions options = fashion("resnet8");
  const auto model = build(options, Seed{1});
  make_norms_interesting(*model);
  model->attach_adapters({.rank = kRank, .alpha = 16}, Seed{1});
  for (const auto& [name, conv] : model->convolutions()) {
    conv->mapper = adapters::uniform_tensor(conv->mapper.sizes().vec(), 0.01, Seed{5});
  }
  const auto fused = build(options, Seed{2});
  copy_values_(fused->backbone(), model->backbone());
  for (std::size_t i = 0; i < model->convolutions().size(); ++i) {
    fused->convolutions()[i].second->weight = model->convolutions()[i].second->fused_weight();
  }
  const torch::NoGradGuard no_grad;
  EXPECT_LT(relative_error(fused->forward(images(2, options)), model->forward(images(2, options))),
            1e-5);
}

TEST(Models, DrawTheirWeightsFromTheSeed) {
  const StateDict first = build(fashion("resnet8"), Seed{1})->backbone();
  EXPECT_TRUE(same_bits(first, build(fashion("resnet8"), Seed{1})->backbone()));
  EXPECT_FALSE(same_bits(first, build(fashion("resnet8"), Seed{2})->backbone()));
}

TEST(Models, DrawEachTensorFromAStreamOfItsOwn) {
  const StateDict weights = build(fashion("resnet8"), Seed{1})->weights();
  EXPECT_FALSE(same_bits(weights.at("layer1.0.conv1.weight"), weights.at("layer1.0.conv2.weight")));
}

TEST(Models, RefuseAnUnknownName) {
  expect_error(
      ErrorCode::kInvalidConfig, [] { build(fashion("resnet9"), Seed{1}); },
      "[models] unknown model 'resnet9'; known: resnet8, resnet8w64, resnet18");
}

TEST(Extractors, DependOnTheSeedTheNameAndTheShapeAlone) {
  const auto model = [](ResNetTable table, Seed seed) {
    return Model(fashion("resnet8"),
                 build_resnet({.table = std::move(table), .small_stem = true, .channels = 1}, 10),
                 seed);
  };
  Model small = model({.widths = {32}, .blocks = {1}}, Seed{1});
  Model large = model({.widths = {32, 64}, .blocks = {2, 2}}, Seed{9});
  small.attach_adapters({.rank = kRank, .alpha = 16}, Seed{1});
  large.attach_adapters({.rank = kRank, .alpha = 16}, Seed{3});
  large.attach_adapters({.rank = kRank, .alpha = 16}, Seed{1});
  for (const std::string name :
       {"conv1.extractor", "layer1.0.conv1.extractor", "layer1.0.conv2.extractor"}) {
    EXPECT_TRUE(same_bits(small.adapter().at(name), large.adapter().at(name))) << name;
  }
  EXPECT_FALSE(same_bits(small.adapter().at("layer1.0.conv1.extractor"),
                         small.adapter().at("layer1.0.conv2.extractor")));
}

TEST(Extractors, DependOnTheSeed) {
  const auto first = build(fashion("resnet8"), Seed{1});
  const auto second = build(fashion("resnet8"), Seed{1});
  first->attach_adapters({.rank = kRank, .alpha = 16}, Seed{1});
  second->attach_adapters({.rank = kRank, .alpha = 16}, Seed{2});
  EXPECT_FALSE(same_bits(first->adapter(), second->adapter()));
}

TEST(Extractors, AreTheGoldenStreamOfTheirLayer) {
  // tests/golden/torch_folders.py
  const at::Tensor golden =
      torch::tensor({-0x1.a9b306p-3F, -0x1.0d602p-3F, -0x1.5d0946p-3F, 0x1.139d4cp-3F});
  const auto model = build(fashion("resnet8"), Seed{1});
  model->attach_adapters({.rank = kRank, .alpha = 16}, Seed{1});
  EXPECT_TRUE(same_bits(model->adapter().at("conv1.extractor").view(-1).slice(0, 0, 4), golden));
}

TEST(BatchNorm, TrainingUsesBatchStatisticsAndUpdatesTheRunningOnes) {
  const ModelOptions options = fashion("resnet8");
  const auto model = build(options, Seed{1});
  const at::Tensor x = images(4, options);
  const at::Tensor convolved =
      torch::conv2d(torch::avg_pool2d(x, 2), model->backbone().at("conv1.weight"), {}, 1, 1);
  model->set_batch_norm_learning(true);
  model->forward(x);
  EXPECT_TRUE(model->backbone().at("bn1.running_mean").eq(0).all().item<bool>())
      << "inference changes nothing";
  const TrainingPass pass(*model, {});
  model->forward(x);

  const StateDict after = model->backbone();
  EXPECT_LT(relative_error(after.at("bn1.running_mean"), 0.1 * convolved.mean({0, 2, 3})), 1e-5);
  EXPECT_LT(relative_error(after.at("bn1.running_var"), 0.9 + 0.1 * convolved.var({0, 2, 3})),
            1e-5);
}

TEST(BatchNorm, FrozenChangesNoStatistic) {
  const ModelOptions options = fashion("resnet8");
  const auto model = build(options, Seed{1});
  const StateDict before = model->backbone().clone();
  model->train_only(model->weights());
  const TrainingPass pass(*model, {});  // the mode alone does not let it learn
  model->forward(images(4, options)).sum().backward();
  EXPECT_TRUE(same_bits(model->backbone(), before));
}

TEST(BatchNorm, TrainingStatisticsAreThoseOfEvaluationOnceFrozen) {
  const ModelOptions options = fashion("resnet8");
  const auto model = build(options, Seed{1});
  const torch::NoGradGuard no_grad;
  model->set_batch_norm_learning(true);
  {
    const TrainingPass pass(*model, {});
    model->forward(images(8, options));
  }
  const at::Tensor x = images(3, options, 8);
  EXPECT_LT(
      relative_error(model->forward(x), reference_resnet8(model->backbone(), x, options.pool)),
      1e-5);
}

/// The names of the tensors that a backward pass gave a gradient.
std::vector<std::string> with_gradient(const Model& model) {
  std::vector<std::string> names;
  for (const StateDict& part : {model.backbone(), model.adapter()}) {
    for (const auto& [name, tensor] : part) {
      if (tensor.grad().defined()) {
        names.push_back(name);
      }
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> names_of(const std::vector<StateDict>& parts) {
  std::vector<std::string> names;
  for (const StateDict& part : parts) {
    for (const auto& [name, tensor] : part) {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(TrainOnly, GivesGradientsWhereAskedAndNowhereElse) {
  const ModelOptions options = fashion("resnet8");
  const auto trained = [&](auto choose) {
    const auto model = build(options, Seed{1});
    model->attach_adapters({.rank = kRank, .alpha = 16}, Seed{1});
    model->train_only(model->weights());  // what is asked for last counts
    model->train_only(choose(*model));
    model->forward(images(2, options)).sum().backward();
    return std::pair(with_gradient(*model), names_of({choose(*model)}));
  };
  for (const auto& [got, expected] : {trained([](const Model& m) { return m.head(); }),
                                      trained([](const Model& m) { return m.adapter(); }),
                                      trained([](const Model& m) { return m.weights(); })}) {
    EXPECT_EQ(got, expected);
  }
}

TEST(TrainOnly, TrainsBatchNormInPreTraining) {
  const ModelOptions options = fashion("resnet8");
  const auto model = build(options, Seed{1});
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, tensor] : model->backbone()) {
    if (!is_statistic(name)) {
      entries.emplace_back(name, tensor);
    }
  }
  const StateDict trainable(std::move(entries));
  model->set_batch_norm_learning(true);
  const TrainingPass pass(*model, {});
  model->train_only(trainable);
  model->forward(images(4, options)).square().sum().backward();
  EXPECT_EQ(with_gradient(*model), names_of({trainable}));
}

}  // namespace
}  // namespace lorae::models
