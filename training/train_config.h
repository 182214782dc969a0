#pragma once

#include <string>

#include "adapters/description.h"
#include "adapters/policy.h"
#include "base/config_difference.h"
#include "data/augment.h"
#include "data/formats/open_options.h"
#include "models/model.h"
#include "tasks/task.h"
#include "tensors/device.h"
#include "training/optimizer.h"
#include "training/schedule.h"
#include "training/trainable.h"

namespace lorae::training {

/// One training on one machine, as `lorae train` runs it.
struct TrainOptions {
  std::string task = "classification";
  adapters::Kind kind = adapters::Kind::kLorae;
  adapters::Factors train = adapters::Factors::kBoth;
  adapters::LoraeOptions lorae = {};
  adapters::Head head = adapters::Head::kLast;
  adapters::Norm norm = adapters::Norm::kFrozen;
  double mapper_learning_rate_ratio = 4;
  std::int64_t epochs = 10;
  std::int64_t steps = 0;
  std::int64_t batch_size = 32;
  std::string optimizer = "sgd";
  double learning_rate = 0.05;
  double momentum = 0.9;
  double beta1 = 0.9;
  double weight_decay = 0.0005;
  Schedule schedule = Schedule::kCosine;
  double warmup_epochs = 0.5;
  std::int64_t warmup_least = 0;
  double warmup_bias_rate = 0;
  double final_fraction = 0.01;
  bool stairs = false;
  double clip_norm = 0;
  Precision precision = Precision::kFloat32;
  std::int64_t accumulate = 1;
  std::int64_t nominal_batch = 0;
  bool sum_losses = false;
  bool decay_all = true;
  double average_decay = 0;
  double average_ramp = 0;
  double label_smoothing = 0;
  double box_gain = 7.5, class_gain = 0.5, dfl_gain = 1.5;
  bool rectangular = true;
  std::int64_t patience = 0;
  bool shuffle = true;
  std::int64_t workers = 2;
};

template <typename Visitor>
void visit_fields(TrainOptions& options, Visitor&& visit) {
  visit("task", options.task, one_of(tasks::task_names()), "what is learned");
  visit_what_is_trained(options, visit);
  visit("epochs", options.epochs, between(1, 1e6), "passes over the training images");
  visit("steps", options.steps, between(0, 1e12), "end after so many batches; 0: after the epochs");
  visit("batch_size", options.batch_size, between(1, 65536), "images per batch");
  visit("optimizer", options.optimizer, one_of(optimizer_names()), "sgd, adam, adamw");
  visit("learning_rate", options.learning_rate, between(0, 10), "after the warm-up");
  visit("momentum", options.momentum, between(0, 0.999), "of SGD");
  visit("beta1", options.beta1, between(0, 0.999), "of Adam and AdamW");
  visit("weight_decay", options.weight_decay, between(0, 1), "");
  visit("decay_all", options.decay_all, anything(), "norms and biases, too");
  visit("schedule", options.schedule, anything(), "cosine, linear or constant");
  visit("warmup_epochs", options.warmup_epochs, between(0, 1000), "the rate rises linearly to 1");
  visit("warmup_least", options.warmup_least, between(0, 1e9), "batches of the warm-up, at least");
  visit("warmup_bias_rate", options.warmup_bias_rate, between(0, 10),
        "learning rate of biases at its beginning");
  visit("stairs", options.stairs, anything(), "the rate falls once an epoch, over all epochs");
  visit("final_fraction", options.final_fraction, between(0, 1), "of the rate at the end");
  visit("clip_norm", options.clip_norm, between(0, 1e6), "of the gradient; 0 does not clip");
  visit("precision", options.precision, anything(), "on GPUs: float32, bfloat16 or float16");
  visit("accumulate", options.accumulate, between(1, 1e6), "batches per step of the optimiser");
  visit("nominal_batch", options.nominal_batch, between(0, 1e6),
        "images per step, instead; weight decay is meant for it; 0: accumulate counts");
  visit("sum_losses", options.sum_losses, anything(), "of all images of a step, not their mean");
  visit("average_decay", options.average_decay, between(0, 0.999999),
        "of the moving average that is evaluated; 0: none");
  visit("average_ramp", options.average_ramp, between(0, 1e9),
        "steps in which that decay rises; 0: by (1 + n) / (10 + n)");
  visit("label_smoothing", options.label_smoothing, between(0, 0.9), "of the training's loss");
  visit("box_gain", options.box_gain, between(0, 1000),
        "detection: of the boxes' loss, masks' too");
  visit("class_gain", options.class_gain, between(0, 1000), "detection: of the classes' loss");
  visit("dfl_gain", options.dfl_gain, between(0, 1000), "detection: of the sides' distributions");
  visit("rectangular", options.rectangular, anything(),
        "objects: judged in frames of the pictures' proportions");
  visit("patience", options.patience, between(0, 1e6),
        "end after so many epochs without a better one; 0: never");
  visit("shuffle", options.shuffle, anything(), "the images, anew each epoch");
  visit("workers", options.workers, between(0, 256), "threads that decode ahead");
}

struct TrainConfig {
  std::uint64_t seed = 0;
  DeviceOptions compute;
  std::int64_t threads = 0;
  std::string data;
  data::Damaged damaged = data::Damaged::kRefuse;
  std::string weights = {};               ///< safetensors to start from; empty: drawn from the seed
  std::vector<std::string> classes = {};  ///< names of the labels
  std::vector<std::string> learn = {};    ///< of those, what pictures are learned for; empty: all
  std::vector<std::string> judge = {};    ///< likewise what is measured
  std::vector<std::string> stages = {};   ///< "cat, dog": what is learned one after the other
  std::string recipe = "default";
  models::ModelOptions model;
  TrainOptions train;
  data::AugmentOptions augment;
};

/// What the reader leaves open is made to suit the data: class names and their count; size,
/// channels and mean of images in memory, and a small stem for small ones; 3 x 224 x 224 for
/// pictures in files. Errors: kInvalidConfig for unknown keys, values that do not fit, and data
/// that are not there.
TrainConfig read_train_config(ConfigReader& reader);
/// The same without a look at data, which need not be there: what they would say is as of pictures
/// in files in three channels, and classes are ModelOptions' unless the reader says them.
TrainConfig read_train_plan(ConfigReader& reader);
/// For a model that is trained already: what the reader leaves open is `start`'s, and no data are
/// looked at. Errors: kInvalidConfig for unknown keys and values that do not fit.
TrainConfig read_use_config(ConfigReader& reader, const TrainConfig& start);
/// As TOML; read_train_config reads it back to the same values.
std::string print_train_config(const TrainConfig& config);

/// What differs between two trainings that would make them different ones: everything but where
/// they compute, and how many threads do.
std::vector<ConfigDifference> identity_differences(const TrainConfig& before,
                                                   const TrainConfig& now);

ScheduleOptions schedule_of(const TrainOptions& options);

tasks::TaskSettings task_settings(const TrainConfig& config);

}  // namespace lorae::training
