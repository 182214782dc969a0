#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/figures.h"
#include "data/loader.h"
#include "models/model.h"
#include "tasks/metrics/objects.h"
#include "tasks/vision/detections.h"
#include "tasks/vision/semantic_loss.h"

namespace lorae::tasks {

struct Loss {
  at::Tensor total;  ///< a scalar with a graph: the mean over the batch
  /// What it is made of, without graphs, for tables: "box", "class", ...; empty if it is one thing.
  std::vector<std::pair<std::string, at::Tensor>> parts = {};
};

/// What a model says of a batch. On the CPU, but for `scores`.
struct Predictions {
  at::Tensor scores;  ///< classification: logits, float [N, classes]
  /// Detection: of each picture; boxes in pixels of the batch's images.
  std::vector<vision::Detections> objects = {};
  at::Tensor prototypes = {};       ///< of their masks: [N, k, H / 4, W / 4]
  vision::PixelLabels pixels = {};  ///< semantic segmentation: of each image's pixels
};

/// Adds up what predictions say about their batches. Threads: none.
class Meter {
 public:
  virtual ~Meter() = default;
  virtual void add(const Predictions& predictions, const data::Batch& batch) = 0;
  /// The main metric first; nothing if nothing was added.
  virtual Metrics result() const = 0;
  virtual std::vector<ClassResult> per_class() const = 0;
  /// Curves and confusion for pages, if it has any.
  virtual Figures figures() const { return {}; }
};

/// All that a meter says, for pages.
Figures figures_of(const Meter& meter, const std::vector<std::string>& class_names);

/// How what was found is judged.
struct JudgeOptions {
  metrics::Protocol protocol = metrics::Protocol::kUltralytics;
  vision::KeepOptions keep = {};
};

struct TaskSettings {
  std::int64_t classes = 0;    ///< that pictures show
  double label_smoothing = 0;  ///< classification: of training's loss, in [0, 1)
  double box_gain = 7.5, class_gain = 0.5, dfl_gain = 1.5;  ///< detection: of training's loss
  JudgeOptions judge = {};
};

/// What a task needs of a data set and its batches.
struct Needs {
  std::vector<data::Annotation> annotations = {data::Annotation::kClass};  ///< one of these
  bool proportions = false;  ///< pictures are letterboxed with their objects, not stretched
  data::Masks masks = data::Masks::kNone;
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
  virtual Needs needs() const { return {}; }
};

/// Errors: kInvalidConfig if the task cannot be learned from such a set, saying from what it can.
void check_annotation(const std::string& task, const Task& made, const data::Dataset& set);

/// How a loader gives pictures to a model that learns the task, `augment` changing them on the
/// way; batches and threads are still to be said ...
data::LoaderOptions learning_options(const Task& task,
                                     const models::Model& model,
                                     const data::AugmentOptions& augment,
                                     std::int64_t epochs);
/// ... and to one that is judged by it, in order.
data::LoaderOptions judging_options(const Task& task, const models::Model& model);

/// The names that make_task knows.
std::vector<std::string_view> task_names();

/// What the outputs of a model say of its task.
TaskSettings settings_for(const models::ModelOptions& model);

/// Errors: kInvalidConfig for a name that it does not know.
std::unique_ptr<Task> make_task(const std::string& name, const TaskSettings& settings);

/// Images as a model takes them: scaled to [0, 1], then normalised by the model's mean and
/// standard deviation. Shape: [N, C, H, W] uint8 in; out in the type of the weights, on their
/// device.
at::Tensor model_input(const models::Model& model, const at::Tensor& images);

/// Images at once where nobody says how many: on a CPU as many as keep a network's maps within some
/// tens of MB, at most 200; on a GPU 200.
std::int64_t evaluation_batch(const models::Model& model);

/// Sees what is said of each batch.
using Listener = std::function<void(const Predictions& predictions, const data::Batch& batch)>;

/// Runs `model` over all images of a loader, from its beginning.
/// Gives up, with what it has, when a stop is requested.
std::unique_ptr<Meter> evaluate(models::Model& model,
                                const Task& task,
                                data::Loader& images,
                                const std::stop_token& stop = {},
                                const Listener& listener = {});

}  // namespace lorae::tasks
