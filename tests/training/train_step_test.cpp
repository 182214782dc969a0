// One whole step of a detector's training: forward with the batch's statistics, loss, backward,
// clipping, Adam, moving average.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "models/nets/yolo/yolo.h"
#include "tasks/vision/yolo_loss.h"
#include "tensors/torch.h"
#include "tests/models/reference.h"
#include "training/optimizer.h"
#include "training/trainable.h"

namespace lorae::training {
namespace {

using models::testing::formula_tensor;
using nlohmann::json;
using tasks::vision::MaskTargets;
using tasks::vision::Targets;

struct Case {
  const char* entry;
  const char* model;
};

constexpr double kRate = 1e-3;
constexpr double kDecay = 5e-4;

/// Boxes are rounded to float32, in which the reference keeps them.
Targets targets_of(const json& rows, double side) {
  std::vector<double> boxes;
  std::vector<std::int64_t> labels, images;
  for (const json& row : rows) {
    images.push_back(row[0].get<std::int64_t>());
    labels.push_back(row[1].get<std::int64_t>());
    const auto part = [&](std::size_t i) { return row[i].get<double>() * side; };
    const double x = part(2), y = part(3), dx = part(4) / 2, dy = part(5) / 2;
    for (const double corner : {x - dx, y - dy, x + dx, y + dy}) {
      boxes.push_back(static_cast<float>(corner));
    }
  }
  return {torch::tensor(boxes, at::kDouble).view({-1, 4}), torch::tensor(labels),
          torch::tensor(images)};
}

/// The boxes, painted at a quarter of the resolution; later ones lie above.
MaskTargets masks_of(const Targets& targets, std::int64_t images, std::int64_t side) {
  const at::Tensor all = torch::zeros({images, side / 4, side / 4});
  const at::Tensor centre = (torch::arange(side / 4, at::kDouble) + 0.5) * 4;
  std::map<std::int64_t, std::int64_t> numbers;
  for (std::int64_t i = 0; i < targets.size(); ++i) {
    const auto image = targets.images[i].item<std::int64_t>();
    const auto between = [&](std::int64_t axis) {
      return centre.ge(targets.boxes[i][axis]).logical_and(centre.le(targets.boxes[i][axis + 2]));
    };
    all[image].masked_fill_(between(1).unsqueeze(1).logical_and(between(0).unsqueeze(0)),
                            ++numbers[image]);
  }
  return {all, true};
}

/// To `tolerance` of the sum of magnitudes.
void expect_sums(const json& wanted, const at::Tensor& got, double tolerance) {
  const auto size = wanted.value("abs_sum", std::abs(wanted.at("sum").get<double>()));
  EXPECT_NEAR(got.sum().item<double>(), wanted.at("sum").get<double>(), tolerance * size + 1e-12);
  if (wanted.contains("abs_sum")) {
    EXPECT_NEAR(got.abs().sum().item<double>(), size, tolerance * size + 1e-12);
  }
}

class TrainStep : public ::testing::TestWithParam<Case> {
 protected:
  TrainStep() {
    std::ifstream stream(LORAE_GOLDEN "/vision/train_step_yolo.json");
    file = json::parse(stream).at(GetParam().entry);
    model = models::build(models::testing::reference_options(GetParam().model, 3), Seed{1});
    models::testing::fill_by_formula_(*model, file.at("gain").get<double>());
    model->to(at::kDouble);
    model->train_only(all_parameters(*model));
    model->set_batch_norm_learning(true);
    model->set_training(Seed{1});
    for (const auto& entry : model->state()) {
      state[entry.name] = entry.tensor;
      before[entry.name] = entry.tensor.detach().clone();
    }
  }

  /// Its total, after its parts were compared.
  at::Tensor loss() {
    const auto shape = file.at("input_shape").get<std::vector<std::int64_t>>();
    const at::Tensor input = formula_tensor(file.at("input_name").get<std::string>(), shape, 0, 1);
    const auto maps = dynamic_cast<models::yolo::Detector&>(model->network()).maps(input);
    const Targets targets = targets_of(file.at("targets"), static_cast<double>(shape[2]));
    std::optional<MaskTargets> masks;
    if (maps.proto.defined()) {
      masks = masks_of(targets, shape[0], shape[2]);
      tolerance = 2e-7;  // the reference computes its mask loss from float32 masks and areas
    }
    const auto found = tasks::vision::yolo_loss(maps, targets, {}, masks ? &*masks : nullptr);
    std::vector<at::Tensor> items{found.box, found.classes, found.dfl};
    if (masks) {
      items.insert(items.begin() + 1, found.masks);
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      expect_value(items[i].item<double>(), file.at("loss_items")[i]);
    }
    expect_value(found.total.item<double>(), file.at("total"));
    return found.total;
  }

  void expect_statistics() const {
    for (const auto& [name, wanted] : file.at("bn_after_forward").items()) {
      SCOPED_TRACE(name);
      expect_sums(wanted, state.at(name), 1e-9);
      const std::string layer = name.substr(0, name.size() - std::string("running_mean").size());
      const auto sum = wanted.at("running_var_sum").get<double>();
      EXPECT_NEAR(state.at(layer + "running_var").sum().item<double>(), sum, 1e-9 * sum);
    }
  }

  void expect_value(double got, const json& wanted) const {
    EXPECT_NEAR(got, wanted.get<double>(), tolerance * wanted.get<double>());
  }

  json file;
  std::unique_ptr<models::Model> model;
  std::map<std::string, at::Tensor> state, before;
  double tolerance = 1e-9;
};

TEST_P(TrainStep, IsTheReferences) {
  auto groups = parameter_groups(
      all_parameters(*model), {.learning_rate = kRate, .weight_decay = kDecay, .decay_all = false});
  const json& sizes = file.at("param_group_sizes[decay,norm_nodecay,bias]");
  for (std::size_t i = 0; i < groups.size(); ++i) {
    EXPECT_EQ(std::ssize(groups[i].parameters), sizes[i].get<std::int64_t>());
  }
  const auto optimizer =
      make_optimizer({.name = "adam", .beta1 = 0.937, .beta2 = 0.999}, std::move(groups));
  const at::Tensor total = loss();
  expect_statistics();

  total.backward();
  const at::Tensor norm = optimizer->gradient_norm();
  expect_value(norm.item<double>(), file.at("grad_norm_before_clip_10"));
  optimizer->clip_gradients(norm, 10);
  for (const auto& [name, wanted] : file.at("grad_after_clip").items()) {
    SCOPED_TRACE(name);
    expect_sums(wanted, state.at(name).grad(), tolerance);
  }
  optimizer->step({});
  const double d = 0.9999 * (1 - std::exp(-1.0 / 2000));
  EXPECT_NEAR(d, file.at("ema").at("decay_used").get<double>(), 1e-14);
  for (const auto& [name, wanted] : file.at("after_adam_step").items()) {
    SCOPED_TRACE(name);
    const at::Tensor now = state.at(name).detach();
    expect_sums(wanted, now, tolerance);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(now.view(-1)[static_cast<std::int64_t>(i)].item<double>(),
                  wanted.at("first3")[i].get<double>(), 1e-9);
    }
    expect_sums(file.at("ema").at("after").at(name), before.at(name) * d + now * (1 - d),
                tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(All,
                         TrainStep,
                         ::testing::Values(Case{"yolov8n_nc3", "yolov8n"},
                                           Case{"yolo11n_nc3", "yolo11n"},
                                           Case{"yolov8n-seg_nc3", "yolov8n-seg"}),
                         [](const auto& test) {
                           std::string name = test.param.model;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace lorae::training
