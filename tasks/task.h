#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "data/loader.h"
#include "models/model.h"

namespace lorae::tasks {

struct Loss {
  at::Tensor total;  ///< a scalar with a graph: the mean over the batch
  /// What it is made of, without graphs, for tables: "box", "class", ...; empty if it is one thing.
  std::vector<std::pair<std::string, at::Tensor>> parts = {};
};

/// What a model says of a batch.
struct Predictions {
  at::Tensor scores;  ///< classification: logits, float [N, classes]
};

/// What was measured of one class.
struct ClassResult {
  std::int64_t label = 0;
  std::int64_t images = 0;
  Metrics metrics;
};

/// Adds up what predictions say about their batches. Threads: none.
class Meter {
 public:
  virtual ~Meter() = default;
  virtual void add(const Predictions& predictions, const data::Batch& batch) = 0;
  /// The main metric first; nothing if nothing was added.
  virtual Metrics result() const = 0;
  virtual std::vector<ClassResult> per_class() const = 0;
};

struct TaskSettings {
  std::int64_t classes = 0;
  double label_smoothing = 0;  ///< of training's loss, in [0, 1)
};

/// What is learned: how outputs and labels make a loss, predictions and metrics.
/// Threads: any, each with a model of its own.
class Task {
 public:
  virtual ~Task() = default;
  virtual Loss loss(models::Model& model, const data::Batch& batch) const = 0;
  virtual Predictions predict(models::Model& model, const data::Batch& batch) const = 0;
  virtual std::unique_ptr<Meter> meter() const = 0;
  /// By which models are compared.
  virtual std::string main_metric() const = 0;
};

/// The names that make_task knows.
std::vector<std::string_view> task_names();

/// Errors: kInvalidConfig for a name that it does not know.
std::unique_ptr<Task> make_task(const std::string& name, const TaskSettings& settings);

/// Images as a model takes them: scaled to [0, 1], then normalised by the model's mean and
/// standard deviation. Shape: [N, C, H, W] uint8 in; out in the type of the weights, on their
/// device.
at::Tensor model_input(const models::Model& model, const at::Tensor& images);

/// Images at once where nobody says how many: on a CPU as many as keep a network's maps within some
/// tens of MB, at most 200; on a GPU 200.
std::int64_t evaluation_batch(const models::Model& model);

/// Runs `model` over all images of a loader, from its beginning.
/// Gives up, with what it has, when a stop is requested.
std::unique_ptr<Meter> evaluate(models::Model& model,
                                const Task& task,
                                data::Loader& images,
                                const std::stop_token& stop = {});

}  // namespace lorae::tasks
