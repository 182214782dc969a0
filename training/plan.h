#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/description.h"
#include "adapters/policy.h"
#include "base/config_reader.h"
#include "base/seed.h"
#include "data/augment.h"
#include "data/deal.h"
#include "data/formats/open_options.h"
#include "models/model.h"
#include "tasks/task.h"
#include "tensors/device.h"
#include "training/optimizer.h"
#include "training/trainable.h"

namespace lorae::training {

/// What is learned: how outputs, labels and metrics are to be read.
struct TaskOptions {
  std::string name = "classification";
  std::vector<std::string> classes = {};
};

template <typename Visitor>
void visit_fields(TaskOptions& options, Visitor&& visit) {
  visit("name", options.name, one_of(tasks::task_names()), "what is learned");
  visit("classes", options.classes, anything(), "names of the labels, in their order");
}

/// What sets the demonstration's private images apart from its public ones.
enum class Shift { kNone, kRotateInvert };

/// Which images, and how the experiment divides them. A client with data of its own replaces its
/// share by that.
struct DataOptions {
  std::string path = "/usr/share/datasets/fashion-mnist";
  std::int64_t public_images = 18000;
  std::int64_t private_images = 4000;
  std::int64_t test_images = 4000;
  data::Deal partition = data::Deal::kDirichlet;  ///< of private images among clients
  double dirichlet_alpha = 0.3;
  std::int64_t min_images = data::kMinShareImages;
  std::int64_t shards = 2;
  data::Halves split = data::Halves::kHonest;
  Shift shift = Shift::kNone;
  data::Damaged damaged = data::Damaged::kRefuse;
};

template <typename Visitor>
void visit_fields(DataOptions& options, Visitor&& visit) {
  visit("path", options.path, anything(), "of the images: docs/data_formats.md");
  visit("public_images", options.public_images, between(0, 1e8), "that pre-train the backbone");
  visit("private_images", options.private_images, between(10, 1e8), "shared out to the clients");
  visit("test_images", options.test_images, between(10, 1e8),
        "of the private domain, for accuracy");
  visit("partition", options.partition, anything(),
        "iid, dirichlet (by class), dirichlet_client, dirichlet_objects, object_size, mask_area, "
        "quantity, shards or domain");
  visit("dirichlet_alpha", options.dirichlet_alpha, between(0.01, 1e6),
        "smaller: more skewed classes");
  visit("min_images", options.min_images, between(1, 1e6), "dirichlet, quantity: of each client");
  visit("shards", options.shards, between(1, 1000), "shards: of each client");
  visit("split", options.split, anything(), "GlobalWheat2020: honest or paper");
  visit("shift", options.shift, anything(),
        "of the demonstration's private images; own data are never altered");
  visit("damaged", options.damaged, anything(), "pictures that cannot be decoded: refuse or skip");
}

/// How the backbone is trained on public images, once; not at all with 0 epochs: it stays as the
/// seed draws it, and all that is learned is learned in federation.
struct PretrainingOptions {
  std::int64_t epochs = 3;
  std::int64_t batch_size = 64;
  double learning_rate = 0.1;
  double weight_decay = 0.0005;
};

template <typename Visitor>
void visit_fields(PretrainingOptions& options, Visitor&& visit) {
  visit("epochs", options.epochs, between(0, 10000),
        "passes over the public images; 0: from scratch, on weights as the seed draws them");
  visit("batch_size", options.batch_size, between(1, 65536), "");
  visit("learning_rate", options.learning_rate, between(0, 10), "peak; rises, then falls linearly");
  visit("weight_decay", options.weight_decay, between(0, 1), "");
}

/// How a client trains in a round, whatever the method.
struct FitOptions {
  std::int64_t local_epochs = 2;
  std::int64_t batch_size = 32;
  std::string optimizer = "sgd";
  double momentum = 0.9;
  double weight_decay = 0;
  double clip_norm = 2.0;
  double proximal = 0;
  double holdout = 0;
  Precision precision = Precision::kFloat32;
};

template <typename Visitor>
void visit_fields(FitOptions& options, Visitor&& visit) {
  visit("local_epochs", options.local_epochs, between(1, 1000), "passes over the local data");
  visit("batch_size", options.batch_size, between(1, 65536), "images per optimiser step");
  visit("optimizer", options.optimizer, one_of(optimizer_names()),
        "of a client; fresh every round");
  visit("momentum", options.momentum, between(0, 0.999), "of SGD");
  visit("weight_decay", options.weight_decay, between(0, 1), "");
  visit("clip_norm", options.clip_norm, between(0, 1e6), "of the gradient; 0 does not clip");
  visit("proximal", options.proximal, between(0, 1e6),
        "FedProx: pulls a client back to the global state; 0: not");
  visit("holdout", options.holdout, between(0, 0.9),
        "part of a client's images that it does not train on, but judges each global state by");
  visit("precision", options.precision, anything(), "on GPUs: float32, bfloat16 or float16");
}

/// Where a federation's head starts: as the backbone has it, or from class means of the features
/// that the first round's clients see (aggregation/rules/class_means.h).
enum class HeadStart { kBackbone, kClassMeans };

/// What is trained and sent: LoRAE adapters, every weight, or the head alone; and BatchNorm by
/// `norm`.
struct MethodOptions {
  std::string name = "lorae-r8";
  adapters::Kind kind = adapters::Kind::kLorae;
  adapters::Factors train = adapters::Factors::kBoth;
  adapters::LoraeOptions lorae = {};
  adapters::Head head = adapters::Head::kLast;
  adapters::Norm norm = adapters::Norm::kFrozen;
  HeadStart head_start = HeadStart::kBackbone;
  double learning_rate = 0.05;
  double mapper_learning_rate_ratio = 4;
  std::int64_t period = 4;
  bool feedback = false;
  std::string uplink = "delta,int8:row,zstd";
  ByteCount max_uplink = {};
  std::string downlink = "zstd";
  double lattice = 0;
};

template <typename Visitor>
void visit_fields(MethodOptions& options, Visitor&& visit) {
  visit("name", options.name, anything(), "in tables and plots");
  visit_what_is_trained(options, visit);
  visit("head_start", options.head_start, anything(),
        "of a classifier: backbone, or class_means of what the first round's clients see");
  visit("learning_rate", options.learning_rate, between(0, 10), "in round 1; cosine over rounds");
  visit("period", options.period, between(2, 1000),
        "alternating: extractors are trained in each so manieth round, mappers in the others");
  visit("feedback", options.feedback, anything(),
        "what an update loses on its way is added to the client's next one");
  visit("uplink", options.uplink, anything(), "codec chain client -> coordinator");
  visit("max_uplink", options.max_uplink, between(0, 4e9),
        "bytes of an update at most, by larger steps; 0: any");
  visit("downlink", options.downlink, anything(), "codec chain coordinator -> client");
  visit("lattice", options.lattice, between(0, 1000),
        "instead: exact differences of states that move by steps of so many rms; 0: not");
}

/// Everything that decides what a client computes: the plan that travels with Welcome.
struct Plan {
  std::uint64_t seed = 0;
  models::ModelOptions model;
  TaskOptions task;
  DataOptions data;
  FitOptions training;
  MethodOptions method;
  data::AugmentOptions augment = data::kNoAugmentation;  ///< of the images that clients train on
};

/// As TOML without comments, for it travels; parse_plan reads it back to the same values.
std::string plan_text(const Plan& plan);

struct ParsedPlan {
  Plan plan;
  /// Keys of a newer coordinator's plan that this build does not know, with their places: to be
  /// told, not to be refused.
  std::vector<std::string> unknown;
};

/// Errors: kInvalidConfig, saying what in the plan is wrong.
ParsedPlan parse_plan(std::string_view text);

}  // namespace lorae::training

namespace lorae {
template <>
inline constexpr std::array<std::string_view, 2> kNames<training::Shift> = {"none",
                                                                            "rotate_invert"};
template <>
inline constexpr std::array<std::string_view, 2> kNames<training::HeadStart> = {"backbone",
                                                                                "class_means"};
}  // namespace lorae
