#include "training/learner.h"

#include "tasks/classification.h"
#include "tensors/threads.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"
#include "tests/training/helpers.h"

namespace lorae::training {
namespace {

using lorae::testing::expect_error;
using lorae::testing::relative_error;
using lorae::testing::same_bits;
using testing::backbone_of;
using testing::learner_of;
using testing::small_plan;
using testing::striped_images;
using testing::striped_set;
using testing::with_mappers;

constexpr std::array kKinds = {"lorae", "full", "head"};

bool is_mapper(const std::string& name) {
  return name.ends_with(adapters::kMapperSuffix);
}

class LearnerTest : public ::testing::Test {
 protected:
  LearnerTest() { use_one_thread(); }

  data::DatasetPtr images_ = striped_set(24, 1);
};

TEST_F(LearnerTest, SendsWhatTheMethodTrains) {
  const std::map<std::string, std::int64_t> expected = {
      {"lorae", 32850}, {"full", 306730}, {"head", 1290}};
  for (const auto& [kind, count] : expected) {
    Plan plan;
    plan.method.kind = *named<adapters::Kind>(kind);
    const Learner learner = learner_of(plan);
    EXPECT_EQ(learner.trainable().numel(), count) << kind;
    EXPECT_EQ(learner.total_parameters(), 308074) << kind << ": without adapters";
  }
}

TEST_F(LearnerTest, TrainsAndSendsMappersAloneOnExtractorsOfTheSeed) {
  Plan plan = small_plan("lorae");
  plan.method.train = adapters::Factors::kMapper;
  plan.method.lorae.extractor_init = adapters::ExtractorInit::kOrthonormal;
  Learner learner = learner_of(plan);
  ASSERT_FALSE(learner.constant().empty());
  for (const auto& [name, tensor] : learner.trainable()) {
    EXPECT_FALSE(name.ends_with(adapters::kExtractorSuffix)) << name;
  }
  const StateDict before = learner.constant().clone();
  const StateDict sent = learner.trainable().clone();

  learner.fit_round(images_, "ada", RoundId{1}, 1);

  EXPECT_EQ(digest_of(learner.constant()), digest_of(before));
  for (const auto& [name, tensor] : learner.trainable()) {
    EXPECT_FALSE(same_bits(tensor, sent.at(name))) << name << " did not move";
  }
  Plan both = plan;
  both.method.train = adapters::Factors::kBoth;
  EXPECT_EQ(learner_of(both).trainable().numel(), sent.numel() + before.numel());
  EXPECT_TRUE(learner_of(both).constant().empty());
}

TEST_F(LearnerTest, TrainsAndSendsCoresAloneBetweenWhatTheSeedDraws) {
  Plan plan = small_plan("lorae");
  plan.method.train = adapters::Factors::kCore;
  plan.method.lorae.extractor_init = adapters::ExtractorInit::kOrthonormal;
  Learner learner = learner_of(plan);
  std::int64_t cores = 0;
  for (const auto& [name, tensor] : learner.trainable()) {
    cores += name.ends_with(adapters::kCoreSuffix) ? tensor.numel() : 0;
    EXPECT_FALSE(adapters::kMapperSuffix == name.substr(name.rfind('.'))) << name;
  }
  EXPECT_EQ(cores, 9 * 4 * 4) << "of nine layers";
  EXPECT_EQ(learner.constant().size(), 18U) << "an extractor and a basis for each";
  const StateDict constant = learner.constant().clone(), before = learner.trainable().clone();
  const Metrics untrained = learner.evaluate(images_);

  for (const std::uint64_t round : {1U, 2U}) {
    learner.fit_round(images_, "ada", RoundId{round}, 1);
  }

  EXPECT_EQ(digest_of(learner.constant()), digest_of(constant));
  for (const auto& [name, tensor] : learner.trainable()) {
    EXPECT_FALSE(same_bits(tensor, before.at(name))) << name << " did not move";
  }
  const at::Tensor mapper = learner.model().adapter().at("conv1.mapper").detach();
  learner.evaluate(images_);
  EXPECT_TRUE(
      learner.model()
          .adapter()
          .at("conv1.mapper")
          .flatten(1)
          .allclose(constant.at("conv1.basis").mm(learner.trainable().at("conv1.core").detach())))
      << "what the cores are now";
  EXPECT_GT(mapper.abs().max().item<float>(), 0.0F);
  learner.load(before);
  EXPECT_EQ(learner.evaluate(images_), untrained);
}

TEST_F(LearnerTest, TrainsOneFactorAtATimeIfTheyAlternate) {
  Plan plan = small_plan("lorae");
  plan.method.train = adapters::Factors::kAlternating;
  plan.method.period = 2;
  Learner learner = learner_of(plan);
  EXPECT_TRUE(learner.constant().empty()) << "both travel";
  for (const std::uint64_t round : {1U, 2U, 3U}) {
    const StateDict before = learner.trainable().clone();

    learner.fit_round(images_, "ada", RoundId{round}, 1);

    for (const auto& [name, tensor] : learner.trainable()) {
      const bool rests =
          name.ends_with(round == 2 ? adapters::kMapperSuffix : adapters::kExtractorSuffix);
      EXPECT_EQ(same_bits(tensor, before.at(name)), rests) << name << " in round " << round;
    }
  }
}

TEST_F(LearnerTest, SendsNamesThatSayWhatTheyAre) {
  const Learner lorae = learner_of(small_plan("lorae"));
  EXPECT_EQ(lorae.trainable().size(), 9U * 2U + 2U);
  EXPECT_EQ(lorae.trainable().at("conv1.extractor").size(0), 4);
  EXPECT_EQ(lorae.trainable().at("conv1.mapper").size(1), 4);
  const Learner head = learner_of(small_plan("head"));
  EXPECT_EQ(head.trainable().size(), 2U);
  EXPECT_NE(head.trainable().find("fc.weight"), nullptr);
  const Learner full = learner_of(small_plan("full"));
  EXPECT_EQ(full.trainable().find("bn1.weight"), nullptr) << "BatchNorm stays frozen";
}

TEST_F(LearnerTest, StartsFromTheSameGlobalStateOnEveryMachine) {
  for (const char* kind : kKinds) {
    const Plan plan = small_plan(kind);
    EXPECT_TRUE(same_bits(learner_of(plan).trainable(), learner_of(plan).trainable())) << kind;
  }
}

TEST_F(LearnerTest, TakesItsFrozenWeightsFromTheBackbone) {
  const Plan plan = small_plan("full");
  const StateDict backbone = backbone_of(plan, 2);
  const Learner learner(plan, backbone);
  for (const auto& [name, tensor] : learner.trainable()) {
    EXPECT_TRUE(same_bits(tensor, backbone.at(name))) << name;
  }
}

TEST_F(LearnerTest, KeepsNormsOfItsOwnAndSendsNone) {
  for (const adapters::Head head : {adapters::Head::kLast, adapters::Head::kBranch}) {
    Plan plan = small_plan("lorae");
    plan.method.head = head;
    plan.method.norm = adapters::Norm::kLocal;
    Learner learner = learner_of(plan);
    const StateDict first = learner.own().clone();
    ASSERT_GT(first.size(), 0U);
    for (const auto& [name, tensor] : learner.trainable()) {
      EXPECT_EQ(first.find(name), nullptr) << name << " is sent";
    }
    learner.fit_round(images_, "ada", RoundId{1}, 1);
    const StateDict after = learner.own().clone();
    for (const auto& [name, tensor] : after) {
      EXPECT_FALSE(same_bits(tensor, first.at(name))) << name << " did not move";
    }
    learner.load_own(nullptr);
    EXPECT_EQ(digest_of(learner.own()), digest_of(first));
    learner.load_own(&after);
    EXPECT_EQ(digest_of(learner.own()), digest_of(after));
  }
}

TEST_F(LearnerTest, LearnsInARound) {
  for (const char* kind : kKinds) {
    Learner learner = learner_of(small_plan(kind));
    const FitResult first = learner.fit_round(images_, "ann", RoundId{1}, 1.0);
    FitResult last;
    for (RoundId round{2}; round <= RoundId{8}; round = round.next()) {
      last = learner.fit_round(images_, "ann", round, 1.0);
    }
    EXPECT_LT(last.loss, first.loss) << kind;
    EXPECT_EQ(last.num_examples, 24);
    EXPECT_EQ(last.steps, 6);
    if (std::string_view(kind) != "head") {
      EXPECT_GT(learner.evaluate(images_).find("top1").value(), 0.9) << kind;
    }
  }
}

TEST_F(LearnerTest, ChangesOnlyWhatItTrains) {
  for (const char* kind : kKinds) {
    const Plan plan = small_plan(kind);
    const StateDict backbone = backbone_of(plan, 2);
    const Digest backbone_before = digest_of(backbone);
    Learner used(plan, backbone);
    const StateDict start = used.trainable().clone();
    used.fit_round(images_, "ann", RoundId{1}, 1.0);
    EXPECT_FALSE(same_bits(used.trainable(), start)) << kind;
    EXPECT_EQ(digest_of(backbone), backbone_before) << kind << ": the backbone is shared";

    // With its trainable tensors put back it is as new, so nothing else had changed.
    used.load(start);
    Learner fresh(plan, backbone);
    EXPECT_EQ(used.evaluate(images_), fresh.evaluate(images_)) << kind;
    used.fit_round(images_, "bob", RoundId{2}, 0.5);
    fresh.fit_round(images_, "bob", RoundId{2}, 0.5);
    EXPECT_TRUE(same_bits(used.trainable(), fresh.trainable())) << kind;
  }
}

TEST_F(LearnerTest, RepeatsARoundBitForBitAndTellsClientsAndRoundsApart) {
  const Plan plan = small_plan("lorae");
  const auto after = [&](std::string_view client, RoundId round) {
    Learner learner = learner_of(plan);
    learner.fit_round(images_, client, round, 1.0);
    return digest_of(learner.trainable());
  };
  const Digest ann = after("ann", RoundId{1});
  EXPECT_EQ(after("ann", RoundId{1}), ann);
  EXPECT_NE(after("bob", RoundId{1}), ann);
  EXPECT_NE(after("ann", RoundId{2}), ann);
}

TEST_F(LearnerTest, TakesOneStepComputedByHand) {
  constexpr double kFactor = 0.5;
  Plan plan = small_plan("lorae");
  plan.training = {.local_epochs = 1, .batch_size = 24, .clip_norm = 0};
  Learner learner = learner_of(plan);
  const StateDict start = with_mappers(learner.trainable());
  learner.load(start);
  learner.fit_round(images_, "ann", RoundId{1}, kFactor);

  const auto model = models::build(plan.model, Seed{plan.seed});
  copy_values_(model->backbone(), backbone_of(plan, 2));
  model->attach_adapters(plan.method.lorae, Seed{plan.seed});
  std::vector<StateDict::Entry> entries;
  for (const StateDict& part : {model->adapter(), model->head()}) {
    entries.insert(entries.end(), part.begin(), part.end());
  }
  const StateDict trained(std::move(entries));
  copy_values_(trained, start);
  model->train_only(trained);
  const data::ImageSet& all = *images_->in_memory();
  at::cross_entropy_loss(model->forward(tasks::model_input(*model, all.images)), all.labels)
      .backward();
  for (const auto& [name, tensor] : trained) {
    const double ratio = is_mapper(name) ? plan.method.mapper_learning_rate_ratio : 1.0;
    const at::Tensor step = -plan.method.learning_rate * kFactor * ratio * tensor.grad();
    ASSERT_GT(step.abs().max().item<double>(), 0.0) << name;
    // The difference of two close float32 numbers keeps few digits of the step.
    const at::Tensor expected = (start.at(name) + step).detach();
    EXPECT_LT(relative_error(learner.trainable().at(name).detach(), expected), 1e-6) << name;
  }
}

TEST_F(LearnerTest, MovesMappersFasterByTheRatio) {
  const auto step_of = [&](double ratio) {
    Plan plan = small_plan("lorae");
    plan.training = {.local_epochs = 1, .batch_size = 24, .clip_norm = 0};
    plan.method.mapper_learning_rate_ratio = ratio;
    Learner learner = learner_of(plan);
    learner.fit_round(images_, "ann", RoundId{1}, 1.0);
    return learner.trainable().clone();
  };
  const StateDict slow = step_of(1);
  const StateDict fast = step_of(8);
  for (const auto& [name, tensor] : fast) {
    // Mappers start at zero, so they are their step, and 8 is a power of two.
    const at::Tensor expected = is_mapper(name) ? slow.at(name) * 8 : slow.at(name);
    EXPECT_LT(relative_error(tensor, expected), 1e-6) << name;
  }
}

/// FedProx: the second step is shorter by rate * mu times the way of the first.
TEST_F(LearnerTest, IsPulledBackToWhereTheRoundBegan) {
  constexpr double kRate = 0.01, kMu = 5;
  const auto after = [&](std::int64_t batch, double mu) {
    Plan plan = small_plan("head");
    plan.method.learning_rate = kRate;
    plan.training = {.local_epochs = 1, .batch_size = batch, .momentum = 0, .clip_norm = 0};
    plan.training.proximal = mu;
    Learner learner = learner_of(plan);
    learner.fit_round(images_, "ada", RoundId{1}, 1);
    return learner.trainable().clone();
  };
  const StateDict began = learner_of(small_plan("head")).trainable().clone();
  EXPECT_EQ(digest_of(after(24, kMu)), digest_of(after(24, 0))) << "nothing pulls in one step";

  // By hand: w2 = w1 - rate (g2 + mu (w1 - w0)): what the pull takes away is a multiple of mu.
  const StateDict plain = after(12, 0), pulled = after(12, kMu), twice = after(12, 2 * kMu);
  for (const auto& [name, tensor] : plain) {
    EXPECT_LT(relative_error(tensor - twice.at(name), 2 * (tensor - pulled.at(name))), 0.02)
        << name;
    // w1 - w0 is one step of plain SGD: about half the way of two.
    const double first = (tensor - pulled.at(name)).norm().item<double>() / (kRate * kMu);
    const double both = (tensor - began.at(name)).norm().item<double>();
    EXPECT_GT(first, 0.2 * both) << name;
    EXPECT_LT(first, 5 * both) << name;
  }
}

/// Features by another way: logits of a head whose rows are unit vectors.
TEST_F(LearnerTest, AddsTheFeaturesOfEachClassToTheHead) {
  Learner learner = learner_of(small_plan("lorae"));
  learner.load(with_mappers(learner.trainable()));
  const StateDict start = learner.trainable().clone();
  const data::ImageSet images = striped_images(24, 1);
  const at::Tensor& weight = learner.trainable().at("fc.weight");
  const std::int64_t classes = weight.size(0), features = weight.size(1);
  const at::Tensor of_class = torch::one_hot(images.labels, classes).to(torch::kFloat).t();
  const at::Tensor sums = torch::zeros({classes, features});
  {
    const torch::NoGradGuard no_grad;
    learner.trainable().at("fc.bias").zero_();
    for (std::int64_t first = 0; first < features; first += classes) {
      const std::int64_t count = std::min(classes, features - first);
      weight.zero_();
      weight.narrow(1, first, count).fill_diagonal_(1);
      const at::Tensor found =
          learner.model().forward(tasks::model_input(learner.model(), images.images));
      sums.narrow(1, first, count).copy_(of_class.mm(found.narrow(1, 0, count)));
    }
  }
  learner.load(start);

  const FitResult result = learner.add_class_sums(images_);

  EXPECT_EQ(result.num_examples, 24);
  const auto moved = [&](const std::string& name) {
    return learner.trainable().at(name).detach() - start.at(name);
  };
  EXPECT_LT(relative_error(moved("fc.weight"), sums / 24), 1e-5);
  EXPECT_LT(relative_error(moved("fc.bias"), of_class.sum(1) / 24), 1e-5);
  for (const auto& [name, tensor] : learner.trainable()) {
    EXPECT_TRUE(name.starts_with("fc.") || same_bits(tensor, start.at(name))) << name;
  }
  learner.load(start);
  learner.add_class_sums(images_);
  EXPECT_LT(relative_error(moved("fc.weight"), sums / 24), 1e-5) << "no gradient is left";
}

TEST_F(LearnerTest, StandsStillAtRateZero) {
  Learner learner = learner_of(small_plan("lorae"));
  const StateDict start = learner.trainable().clone();
  learner.fit_round(images_, "ann", RoundId{1}, 0.0);
  EXPECT_TRUE(same_bits(learner.trainable(), start));
}

TEST_F(LearnerTest, RefusesAStateOfAnotherRank) {
  Plan other = small_plan("lorae");
  other.method.lorae.rank = 2;
  Learner learner = learner_of(small_plan("lorae"));
  expect_error(
      ErrorCode::kIncompatible, [&] { learner.load(learner_of(other).trainable()); },
      "'conv1.extractor': expected shape [4, 1, 3, 3], got [2, 1, 3, 3]");
}

TEST_F(LearnerTest, RefusesABackboneOfAnotherModel) {
  Plan other = small_plan("lorae");
  other.model.name = "resnet18";
  expect_error(
      ErrorCode::kIncompatible, [&] { Learner(small_plan("lorae"), backbone_of(other, 2)); },
      "was it made for another model");
}

}  // namespace
}  // namespace lorae::training
