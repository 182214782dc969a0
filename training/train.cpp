#include "training/train.h"

#include <chrono>

#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "data/formats/chosen_classes.h"
#include "data/formats/open.h"
#include "models/description.h"
#include "models/weights.h"
#include "tasks/prediction_sheet.h"
#include "tensors/safetensors.h"
#include "tensors/threads.h"
#include "tensors/torch.h"
#include "training/shares.h"
#include "training/stages.h"
#include "training/train_files.h"
#include "training/trainable.h"

namespace lorae::training {
namespace {

using adapters::Kind;

double unix_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

/// Everything that a training is made of, and its loop.
class Training {
 public:
  Training(const TrainSettings& settings, const TrainEvents& events)
      : events_(events),
        config_(settings.config),
        device_(open_device(config_.compute)),
        folder_(settings.out, config_, settings.resume),
        task_(tasks::make_task(config_.train.task, task_settings(config_))),
        training_images_(open(data::Split::kTrain)),
        validation_images_(open(data::Split::kTest)),
        model_(made_model(settings)),
        loader_(training_images_, learning_options(), Seed{config_.seed}.derive("train")),
        validation_(validation_images_, judging_options(), {}),
        fit_(*model_,
             *task_,
             loader_,
             make_optimizer({.name = config_.train.optimizer,
                             .momentum = config_.train.momentum,
                             .beta1 = config_.train.beta1},
                            groups()),
             {.epochs = config_.train.epochs,
              .max_steps = config_.train.steps,
              .clip_norm = config_.train.clip_norm,
              .sum_losses = config_.train.sum_losses,
              .average_decay = config_.train.average_decay,
              .average_ramp = config_.train.average_ramp,
              .precision = config_.train.precision,
              .measure_norm = settings.measure_norm,
              .noise = Seed{config_.seed}.derive("noise"),
              .schedule = [options = schedule_of(config_.train)](
                              const Moment& moment) { return pace_at(options, moment); }},
             kept_) {
    if (settings.resume) {
      restore();
    }
  }

  TrainSummary run() {
    const TimePoint start = Clock::now();
    const double before = progress_.seconds;
    const std::int64_t images_before = progress_.images;
    if (progress_.started == 0) {
      progress_.started = unix_seconds() - before;
    }
    if (events_.on_start) {
      events_.on_start(images_to_train(), folder_.path());
    }
    bool stopped = false;
    while (!fit_.done() && !out_of_patience() &&
           !(stopped = fit_.can_be_saved() && events_.should_stop())) {
      const TimePoint step_start = Clock::now();
      const auto step = fit_.step();
      progress_.busy += seconds(Clock::now() - step_start);
      progress_.images += step->images;
      learning_rate_ = step->learning_rate;
      if (events_.on_step) {
        events_.on_step(*step);
      }
      progress_.seconds = before + seconds(Clock::now() - start);
      if (fit_.at_epoch_start()) {
        end_epoch(before, start);
      }
    }
    if (!fit_.at_epoch_start() && progress_.images > images_before) {
      if (fit_.done()) {
        end_epoch(before, start);  // by the number of steps
      } else {
        save();
      }
    }
    const TrainSummary summary = summarise(stopped);
    folder_.write_summary(summary);
    return summary;
  }

 private:
  data::LoaderOptions learning_options() const {
    data::LoaderOptions options =
        tasks::learning_options(*task_, *model_, config_.augment, config_.train.epochs);
    options.batch_size = config_.train.batch_size;
    options.shuffle = config_.train.shuffle;
    options.workers = config_.train.workers;
    return options;
  }

  data::LoaderOptions judging_options() const {
    data::LoaderOptions options = tasks::judging_options(*task_, *model_);
    options.workers = config_.train.workers;
    options.rectangular = task_->needs().proportions && config_.train.rectangular;
    return options;
  }

  data::DatasetPtr open(data::Split split) {
    auto images = data::open_dataset(config_.data, config_.model.channels, split,
                                     {.damaged = config_.damaged});
    check_classes(*images, config_.model);
    tasks::check_annotation(config_.train.task, *task_, *images);
    if (config_.damaged == data::Damaged::kSkip) {
      images = data::without_damaged(images);
    }
    images = data::showing(images, split == data::Split::kTrain ? config_.learn : config_.judge);
    // A crop is taken from the picture as it is, not from one that was fitted to the model.
    const bool crops = split == data::Split::kTrain && config_.augment.crop_area < 1;
    return crops ? images : data::held_if_small(images, input_shape(config_.model));
  }

  std::unique_ptr<models::Model> made_model(const TrainSettings& settings) {
    const TrainOptions& options = config_.train;
    auto model = models::build(config_.model, Seed{config_.seed});
    if (!config_.weights.empty()) {
      models::load_matching(*model, map_safetensors(config_.weights).state);
    }
    if (settings.float64) {
      model->to(c10::kDouble);
    }
    info_ = {.model = config_.model.name,
             .kind = options.kind,
             .classes = config_.model.classes,
             .base_digest = digest_of(model->backbone()).hex(),
             .head = options.head,
             .norm = options.norm,
             .task = options.task,
             .about = models::description_text(description())};
    total_parameters_ = count_parameters(*model);
    if (options.kind == Kind::kLorae) {
      attach_adapters(*model, options.lorae, options.train, options.head, Seed{config_.seed});
      info_.layers = model->adapter_layers();
    }
    if (options.kind == Kind::kFull) {
      trained_ = all_parameters(*model);
      kept_ = model->backbone();
    } else {
      trained_ = trainable_of(*model, options.kind, options.train, options.head, options.norm);
      constant_ = constant_of(*model, options.kind, options.train);
      kept_ = trains_norms() ? joined(trained_, model->norm_statistics()) : trained_;
      plain_ = model->backbone().clone();
    }
    model->train_only(trained_);
    if (options.kind != Kind::kFull && options.norm == adapters::Norm::kFrozen) {
      model->fold_norms();
    }
    model->set_batch_norm_learning(trains_norms());
    model->to(device_);
    return model;
  }

  bool trains_norms() const {
    return config_.train.kind == Kind::kFull || config_.train.norm == adapters::Norm::kTrained;
  }

  models::Description description() const {
    return {.model = config_.model, .task = config_.train.task, .class_names = config_.classes};
  }

  std::vector<ParameterGroup> groups() const {
    const TrainOptions& options = config_.train;
    double decay = options.weight_decay;
    if (options.nominal_batch > 0) {  // meant for that many images a step
      decay *= static_cast<double>(options.batch_size * full_accumulation(schedule_of(options))) /
               static_cast<double>(options.nominal_batch);
    }
    return parameter_groups(trained_, {.learning_rate = options.learning_rate,
                                       .mapper_ratio = options.mapper_learning_rate_ratio,
                                       .weight_decay = decay,
                                       .decay_all = options.decay_all,
                                       .warmup_bias_rate = options.warmup_bias_rate});
  }

  std::int64_t images_to_train() const {
    const std::int64_t left = loader_.images() * (config_.train.epochs - fit_.epoch());
    const std::int64_t steps = config_.train.steps - fit_.steps();
    return config_.train.steps > 0 ? std::min(left, steps * config_.train.batch_size) : left;
  }

  bool out_of_patience() const {
    const std::int64_t patience = config_.train.patience;
    return patience > 0 && progress_.best_epoch > 0 && fit_.at_epoch_start() &&
           std::ssize(progress_.epochs) - progress_.best_epoch >= patience;
  }

  /// Calls `use` while the model holds the average, if there is one.
  template <typename Use>
  void with_average(Use use) {
    if (fit_.average().empty()) {
      use();
      return;
    }
    const StateDict own = kept_.clone();
    copy_values_(kept_, fit_.average());
    use();
    copy_values_(kept_, own);
  }

  void end_epoch(double before, TimePoint start) {
    TrainEpoch epoch{.epoch = std::ssize(progress_.epochs) + 1,
                     .steps = fit_.steps(),
                     .seconds = 0,
                     .learning_rate = learning_rate_,
                     .loss = fit_.mean_loss(),
                     .parts = fit_.mean_parts(),
                     .metrics = {}};
    bool better = false;
    with_average([&] {
      tasks::PredictionSheet sheet(*validation_images_, *task_);
      const auto meter = tasks::evaluate(*model_, *task_, validation_, {},
                                         [&](const tasks::Predictions& said,
                                             const data::Batch& batch) { sheet.add(said, batch); });
      epoch.metrics = meter->result();
      const auto value = epoch.metrics.find(task_->main_metric());
      better = value && (progress_.best() == nullptr ||
                         *value > progress_.best()->metrics.find(task_->main_metric()).value());
      if (better) {
        write_model("best.safetensors", kept_);
        write_figures(folder_.path(), tasks::figures_of(*meter, validation_images_->classes()),
                      sheet.drawn());
      }
    });
    progress_.seconds = epoch.seconds = before + seconds(Clock::now() - start);
    progress_.epochs.push_back(epoch);
    if (better) {
      progress_.best_epoch = epoch.epoch;
    }
    save();
    if (events_.on_epoch) {
      events_.on_epoch(epoch, better);
    }
  }

  /// `values` of what is trained, as others read it.
  void write_model(const std::string& name, const StateDict& values) const {
    const StateDict copied =
        map(values, [](const at::Tensor& t) { return t.detach().cpu().contiguous(); });
    if (config_.train.kind == Kind::kLorae) {
      adapters::save_adapter(folder_.file(name), {info_, joined(copied, constant_)});
      return;
    }
    std::vector<StateDict::Entry> entries(copied.begin(), copied.end());
    for (const auto& [other, tensor] : plain_) {
      if (copied.find(other) == nullptr) {
        entries.emplace_back(other, tensor);
      }
    }
    save_safetensors(folder_.file(name), StateDict(std::move(entries)),
                     models::metadata_of(description()));
  }

  void save() {
    progress_.peak_memory_mb = std::max(progress_.peak_memory_mb, peak_memory_mb());
    write_model("last.safetensors", kept_);
    if (!fit_.average().empty()) {
      write_model("ema.safetensors", fit_.average());
    }
    folder_.write_results(progress_);
    const StateDict values = map(kept_, [](const at::Tensor& t) { return t.detach(); });
    folder_.save_state(joined(with_prefix("model.", values), fit_.state()), progress_);
  }

  void restore() {
    const auto saved = folder_.load_state();
    if (!saved) {
      return;  // killed before its first epoch ended: from the beginning
    }
    copy_values_(kept_, part_of(saved->first, "model."));
    fit_.restore(saved->first);
    progress_ = saved->second;
  }

  TrainSummary summarise(bool stopped) const {
    return {.task = config_.train.task,
            .model = config_.model.name,
            .kind = std::string(name_of(config_.train.kind)),
            .rank = config_.train.kind == Kind::kLorae ? config_.train.lorae.rank : 0,
            .epochs = std::ssize(progress_.epochs),
            .best_epoch = progress_.best_epoch,
            .metrics = progress_.best() == nullptr ? Metrics{} : progress_.best()->metrics,
            .trained_parameters = trained_.numel(),
            .total_parameters = total_parameters_,
            .images_per_second =
                progress_.busy > 0 ? static_cast<double>(progress_.images) / progress_.busy : 0,
            .peak_memory_mb =
                progress_.peak_memory_mb > 0 ? progress_.peak_memory_mb : peak_memory_mb(),
            .seconds = progress_.seconds,
            .digest = digest_of(kept_).hex(),
            .stopped = stopped};
  }

  const TrainEvents& events_;
  TrainConfig config_;
  at::Device device_;
  TrainFolder folder_;
  std::unique_ptr<tasks::Task> task_;
  data::DatasetPtr training_images_, validation_images_;
  adapters::AdapterInfo info_;
  std::int64_t total_parameters_ = 0;
  StateDict trained_;   // parameters
  StateDict kept_;      // those and, of kind full, statistics: what a file holds
  StateDict constant_;  // factors that are not trained
  StateDict plain_;     // the backbone before its norms were folded
  std::unique_ptr<models::Model> model_;
  data::Loader loader_, validation_;
  Fit fit_;
  TrainProgress progress_;
  double learning_rate_ = 0;
};

}  // namespace

TrainSummary train(const TrainSettings& settings, const TrainEvents& events) {
  if (!settings.config.stages.empty()) {
    return train_in_stages(settings, events);
  }
  use_threads(settings.config.threads);
  return Training(settings, events).run();
}

}  // namespace lorae::training
