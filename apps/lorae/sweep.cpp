#include <algorithm>
#include <optional>

#include "apps/common/output.h"
#include "apps/lorae/shown_training.h"
#include "apps/lorae/sweep_commands.h"
#include "apps/lorae/sweep_plan.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/log.h"
#include "report/sweep_page.h"

namespace lorae::apps {
namespace {

namespace fs = std::filesystem;
using report::CellState;
using report::SweepRow;

constexpr const char* kResultFile = "sweep.json";
constexpr const char* kPageFile = "sweep.html";
constexpr const char* kAskedFile = "asked.toml";  // of a training: what the sweep asked for
constexpr const char* kStateFile = "state.safetensors";
constexpr const char* kSummaryFile = "train.json";

/// Runs the trainings of a sweep one after another.
class Sweeper {
 public:
  Sweeper(const SweepPlan& plan,
          report::Sweep& sweep,
          fs::path root,
          fs::path out,
          bool skip_missing,
          const std::function<void(ConfigReader&)>& overrides)
      : plan_(plan),
        sweep_(sweep),
        root_(std::move(root)),
        out_(std::move(out)),
        skip_missing_(skip_missing),
        overrides_(overrides) {
    for (const SweepRow& row : sweep_.rows) {
      if (std::ranges::none_of(trainings_,
                               [&](const SweepRow& one) { return one.folder == row.folder; })) {
        trainings_.push_back(row);
      }
    }
  }

  /// False if a signal stopped it.
  bool run() {
    write();
    for (std::size_t i = 0; i < trainings_.size() && !StopSignals::asked(); ++i) {
      SweepRow& row = trainings_[i];
      try {
        if (train_unless_done(row, i + 1)) {
          write();
        }
      } catch (const Error& error) {
        fail_one(row, error.code(), error.what());
      } catch (const std::exception& error) {  // LibTorch's, of memory for example
        fail_one(row, ErrorCode::kUnavailable, error.what());
      }
    }
    return !StopSignals::asked();
  }

  /// Errors: the first one, if trainings failed.
  void tell_failures() const {
    if (failed_ > 0) {
      fail(*first_code_, "[sweep] ", failed_, " of ", trainings_.size(), " trainings failed, ",
           first_failed_, " first: ", first_message_,
           "; the same command tries them again, and no others");
    }
  }

 private:
  static std::string label_of(const SweepRow& row) {
    return str(row.data, '/', row.folder.filename().string());
  }

  /// Errors: kInvalidConfig if the folder holds a training of other settings.
  static void check_same(const fs::path& folder, const training::TrainConfig& asked) {
    ConfigReader reader = ConfigReader::load(folder / kAskedFile);
    const auto differences =
        training::identity_differences(training::read_use_config(reader, {}), asked);
    check(differences.empty(), ErrorCode::kInvalidConfig, "'", folder.string(),
          "' was trained with other settings: ", text_of(differences),
          "; remove that folder, or choose another --out");
  }

  /// True if there was something to do.
  bool train_unless_done(SweepRow& row, std::size_t number) {
    ConfigReader plan_reader = reader_of(plan_, row, {}, overrides_);
    const training::TrainConfig asked = training::read_train_plan(plan_reader);
    const bool begun = fs::exists(row.folder / kStateFile) || fs::exists(row.folder / kSummaryFile);
    if (begun) {
      check_same(row.folder, asked);
    }
    report::take_result(row);
    if (row.state == CellState::kDone) {
      share(row);
      return false;
    }
    ConfigReader placed_reader = reader_of(plan_, row, root_, overrides_);
    const training::TrainConfig placed = training::read_train_plan(placed_reader);
    if (skip_missing_ && !fs::exists(placed.data)) {
      return false;
    }
    check_files(placed);
    if (!begun) {  // of one that was killed or failed before there was anything to keep
      fs::remove(row.folder / "config.toml");
      ensure_directory(row.folder);
      write_file_atomic(row.folder / kAskedFile,
                        std::string_view(training::print_train_config(asked)));
    }
    ConfigReader reader = reader_of(plan_, row, root_, overrides_);
    const training::TrainConfig config = training::read_train_config(reader);
    ShownTraining shown(str(number, " of ", trainings_.size(), ": ", label_of(row)));
    const auto summary = training::train({.config = config,
                                          .out = row.folder,
                                          .resume = begun,
                                          .float64 = false,
                                          .measure_norm = false},
                                         shown.events());
    shown.end(summary.stopped);
    report::take_result(row);
    share(row);
    return true;
  }

  /// Errors: kInvalidConfig for data and weights that are not there, saying how they should lie.
  static void check_files(const training::TrainConfig& config) {
    check(fs::exists(config.data), ErrorCode::kInvalidConfig, "no data set '", config.data,
          "': docs/paper.md says how the sets lie below --data");
    check(config.weights.empty() || fs::exists(config.weights), ErrorCode::kInvalidConfig,
          "no weights '", config.weights, "' of ", config.model.name,
          ": scripts/export_weights.py and lorae weights convert make them; --set weights= starts "
          "from the seed");
  }

  /// All rows of that training say the same.
  void share(const SweepRow& training) {
    for (SweepRow& row : sweep_.rows) {
      if (row.folder == training.folder) {
        row.state = training.state;
        row.reason = training.reason;
        row.metrics = training.metrics;
        row.seconds = training.seconds;
      }
    }
  }

  void fail_one(SweepRow& row, ErrorCode code, const std::string& message) {
    row.state = CellState::kFailed;
    row.reason = message;
    share(row);
    ++failed_;
    if (!first_code_) {
      first_code_ = code;
      first_failed_ = label_of(row);
      first_message_ = message;
    }
    if (message != last_message_) {  // a set that is not there is told once
      log_warning("training.failed", label_of(row), ": ", message);
    }
    last_message_ = message;
    write();
  }

  void write() const {
    write_file_atomic(out_ / kResultFile, std::string_view(report::to_json(sweep_, out_) + '\n'));
    report::write_page(out_ / kPageFile, report::sweep_page(sweep_));
  }

  const SweepPlan& plan_;
  report::Sweep& sweep_;
  fs::path root_, out_;
  bool skip_missing_;
  const std::function<void(ConfigReader&)>& overrides_;
  std::vector<SweepRow> trainings_;  // each once
  std::size_t failed_ = 0;
  std::optional<ErrorCode> first_code_;
  std::string first_failed_, first_message_, last_message_;
};

/// What lies there already, before anything is trained.
void take_results(report::Sweep& sweep) {
  for (SweepRow& row : sweep.rows) {
    report::take_result(row);
  }
}

}  // namespace

int run_sweep(const SweepArguments& asked, const std::function<void(ConfigReader&)>& overrides) {
  const SweepPlan plan = read_sweep_plan(asked.config);
  const fs::path out = fs::absolute(
      asked.out.empty() ? "sweep-" + fs::path(asked.config).stem().string() : asked.out);
  report::Sweep sweep = sweep_of(plan, asked.only, out, overrides);
  if (asked.dry_run) {
    put(asked.as_json ? report::to_json(sweep, out) + '\n' : report::plan_text(sweep));
    return 0;
  }
  check(!asked.data.empty(), ErrorCode::kInvalidConfig,
        "[sweep] no data: give --data, the folder in which the data sets lie, or --dry-run");
  check(fs::is_directory(asked.data), ErrorCode::kInvalidConfig, "[sweep] --data: '", asked.data,
        "' is no folder; docs/paper.md says how the sets lie in it");
  expect_own_folder(out, kResultFile, "a sweep");
  ensure_directory(out);
  const FileLock lock(out / "LOCK", FileLock::Wait::kNo,
                      "another lorae sweep works there; choose another --out");
  const StopSignals signals;
  take_results(sweep);
  Sweeper sweeper(plan, sweep, fs::absolute(asked.data), out, asked.skip_missing, overrides);
  const bool whole = sweeper.run();
  put(asked.as_json ? report::to_json(sweep, out) + '\n' : report::sweep_text(sweep));
  if (!asked.as_json) {
    say("\nin {}\n", (out / kPageFile).string());
  }
  if (!whole) {
    return kInterrupted;
  }
  sweeper.tell_failures();
  return 0;
}

}  // namespace lorae::apps
