#include "training/train.h"
#include "apps/common/output.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/lorae/shown_training.h"
#include "apps/lorae/train_commands.h"
#include "base/error.h"
#include "base/progress.h"
#include "tensors/torch.h"

namespace lorae::apps {
namespace {

training::TrainConfig config_of(const TrainArguments& asked,
                                const std::function<void(ConfigReader&)>& overrides) {
  ConfigReader reader = asked.config.empty() ? ConfigReader{} : ConfigReader::load(asked.config);
  overrides(reader);
  if (!asked.data.empty()) {
    reader.set("data", {asked.data, "DATA"});
  }
  if (asked.augment == "none") {
    data::AugmentOptions none = data::kNoAugmentation;
    visit_fields(none, [&](std::string_view key, const auto& field, const Allowed& /*allowed*/,
                           std::string_view /*help*/) {
      reader.set(str("augment.", key), {value_of(field), "--augment"});
    });
  }
  if (asked.no_shuffle) {
    reader.set("train.shuffle", {false, "--no-shuffle"});
  }
  return training::read_train_config(reader);
}

/// A line per step. Each waits for the device, so it is for checks.
class StepLog {
 public:
  enum class Steps { kOfOneTraining, kOfStages };

  /// Of a training that is resumed the lines before its first step stay. Stages count on.
  StepLog(std::string path, bool resume, Steps steps) : path_(std::move(path)), steps_(steps) {
    if (resume) {
      std::ifstream before(path_);
      for (std::string line; std::getline(before, line) && nlohmann::json::accept(line);) {
        lines_.push_back(line);
      }
    }
    if (lines_.empty()) {
      open();  // what cannot be written is told at once
    }
  }

  void write(const training::FitStep& step) {
    if (!file_.is_open()) {
      while (steps_ == Steps::kOfOneTraining && std::ssize(lines_) >= step.number) {
        lines_.pop_back();
      }
      open();
    }
    const bool counts_on = steps_ == Steps::kOfStages;
    nlohmann::json line{{"step", counts_on ? ++written_ : step.number},
                        {"loss", step.loss.total.item<double>()},
                        {"lr", step.learning_rate}};
    for (const auto& [name, value] : step.loss.parts) {
      line["loss/" + name] = value.item<double>();
    }
    if (step.gradient_norm.defined()) {  // not between batches whose gradients are gathered
      line["grad_norm"] = step.gradient_norm.item<double>();
    }
    put_line(json_line(line));
  }

 private:
  void open() {
    file_.open(path_, std::ios::trunc);
    check(file_.good(), ErrorCode::kInvalidConfig, "[train] cannot write '", path_,
          "': ", errno_text());
    for (const std::string& line : lines_) {
      put_line(line);
    }
    written_ = std::ssize(lines_);
  }

  void put_line(const std::string& line) {
    file_ << line << '\n' << std::flush;
    check(file_.good(), ErrorCode::kUnavailable, "[train] cannot write '", path_, "'");
  }

  std::string path_;
  Steps steps_;
  std::vector<std::string> lines_;  // of before, a step each
  std::ofstream file_;
  std::int64_t written_ = 0;
};

void print_summary(const training::TrainSummary& summary, const std::string& out) {
  say("{} {} of {}, {} parameters of {} trained\nbest epoch {}: {}\n{:.1f} images/s, {:.0f} MB, "
      "{}\nin {}\n",
      summary.model, summary.kind, summary.task, summary.trained_parameters,
      summary.total_parameters, summary.best_epoch, text_of(summary.metrics),
      summary.images_per_second, summary.peak_memory_mb, human_seconds(summary.seconds), out);
}

}  // namespace

int run_train(const TrainArguments& asked, const std::function<void(ConfigReader&)>& overrides) {
  const StopSignals signals;
  if (!asked.resume) {
    expect_own_folder(asked.out, "config.toml", "a training");
  }
  const training::TrainConfig config = config_of(asked, overrides);
  std::optional<StepLog> log;
  if (!asked.log_steps.empty()) {
    log.emplace(asked.log_steps, asked.resume,
                config.stages.empty() ? StepLog::Steps::kOfOneTraining : StepLog::Steps::kOfStages);
  }
  ShownTraining shown_training("training " + config.model.name);
  training::TrainEvents events = shown_training.events();
  events.on_step = [&, shown = events.on_step](const training::FitStep& step) {
    if (log) {
      log->write(step);
    }
    shown(step);
  };
  const training::TrainSummary summary = training::train({.config = config,
                                                          .out = asked.out,
                                                          .resume = asked.resume,
                                                          .float64 = asked.float64,
                                                          .measure_norm = log.has_value()},
                                                         events);
  shown_training.end(summary.stopped);
  if (asked.as_json) {
    say("{}\n", training::summary_json(summary));
  } else {
    print_summary(summary, asked.out);
  }
  return summary.stopped ? kInterrupted : 0;
}

}  // namespace lorae::apps
