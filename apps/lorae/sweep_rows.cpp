#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/lorae/paper_cells.h"
#include "apps/lorae/sweep_plan.h"
#include "base/error.h"
#include "base/text.h"
#include "models/measure/counts.h"
#include "training/trainable.h"

namespace lorae::apps {
namespace {

using adapters::Kind;

/// What one configuration trains, in numbers.
struct Counts {
  std::int64_t updated = 0;
  std::int64_t total = 0;    ///< of the plain model
  std::int64_t by_rule = 0;  ///< of the paper, at the row's rank
  std::int64_t meant = 0;    ///< likewise, at the rank that the paper's number belongs to
};

Counts count(const training::TrainConfig& config, std::int64_t rank_meant) {
  const auto model = models::build(config.model, std::nullopt);
  Counts counts{.total = training::count_parameters(*model)};
  const training::TrainOptions& options = config.train;
  if (options.kind == Kind::kFull) {
    counts.updated = training::all_parameters(*model).numel();
    return counts;
  }
  if (options.kind == Kind::kLorae) {
    const auto by_rule = [&](std::int64_t rank) {
      return models::paper_updated_parameters(models::count(*model, {.rank = rank}),
                                              config.model.name);
    };
    counts.by_rule = by_rule(options.lorae.rank);
    counts.meant = rank_meant > 0 ? by_rule(rank_meant) : 0;
    training::attach_adapters(*model, options.lorae, options.train, options.head, Seed{0});
  }
  counts.updated =
      training::trainable_of(*model, options.kind, options.train, options.head, options.norm)
          .numel();
  return counts;
}

/// As the paper prints: millions, two decimals, half away from zero; or cut there or before.
std::string compared(const std::string& printed, std::int64_t count) {
  const double millions = static_cast<double>(count) / 1e6;
  const double number = std::stod(printed);
  const double hundredths = std::round(millions * 100);
  if (std::abs(number * 100 - hundredths) < 0.5) {
    return "agrees";
  }
  const auto decimals = static_cast<double>(printed.size() - printed.find('.') - 1);
  const double step = std::pow(10, decimals);
  if (std::abs(number * step - std::floor(millions * step)) < 0.5) {
    return "cut";
  }
  return fmt::format("differs by {:.2f}", std::abs(number - millions));
}

std::string note_of(const PaperPrint& print,
                    const Counts& counts,
                    const models::ModelOptions& model) {
  const std::string printed(print.cell.millions);
  if (print.cell.rank == 0) {
    const std::string as_it_is = compared(printed, counts.total);
    return as_it_is.starts_with("differs") && model.classes != print.classes
               ? fmt::format("for {} output{}", print.classes, print.classes == 1 ? "" : "s")
               : as_it_is;
  }
  if (!print.has_rule) {
    return "of no rule";
  }
  if (print.cell.rank_meant == 0) {
    return "of no rank";
  }
  const std::string agreed = compared(printed, counts.meant);
  if (print.cell.rank_meant == print.cell.rank) {
    return agreed;
  }
  return fmt::format("of rank {}{}", print.cell.rank_meant,
                     agreed == "agrees" ? std::string{} : ", " + agreed);
}

/// The classifiers of YOLOv8: the printed size is that of the model with adapters of rank 32.
std::string note_with_adapters(const PaperPrint& print, const models::ModelOptions& options) {
  const auto model = models::build(options, std::nullopt);
  const std::string with =
      compared(std::string(print.cell.millions),
               training::count_parameters(*model) + models::count(*model, {.rank = 32}).adapter);
  return with.starts_with("differs") ? std::string{} : "has adapters of 32";
}

class Rows {
 public:
  Rows(const SweepPlan& plan,
       const std::filesystem::path& out,
       const std::function<void(ConfigReader&)>& overrides)
      : plan_(plan), out_(out), overrides_(overrides) {}

  void add(const TablePlan& table, report::Sweep& to) {
    const auto chosen = [](const auto& own, const auto& all) { return own.empty() ? all : own; };
    for (const std::string& name : table.data) {
      const DataPlan& data = plan_.data_of(name);
      for (const std::string& model : chosen(table.models, data.models)) {
        for (const std::string& kind : chosen(table.kinds, data.kinds)) {
          const auto ranks =
              kind == "lorae" ? chosen(table.ranks, data.ranks) : std::vector<std::int64_t>{0};
          for (const std::int64_t rank : ranks) {
            add_seeds(
                table, data,
                {.table = table.name, .data = name, .model = model, .kind = kind, .rank = rank},
                to);
          }
        }
      }
    }
  }

 private:
  void add_seeds(const TablePlan& table,
                 const DataPlan& data,
                 report::SweepRow row,
                 report::Sweep& to) {
    const std::string key = str(row.model, '.', row.method());
    const auto other = table.printed.find(str(data.name, '.', key));
    const auto own = data.printed.find(key);
    if (!table.paper.empty() && (other != table.printed.end() || own != data.printed.end())) {
      const auto& numbers = other != table.printed.end() ? other->second : own->second;
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        row.paper.set(data.metrics[i], numbers[i]);
      }
    }
    count_parameters(table, row);
    for (const std::int64_t seed : data.seeds) {
      row.seed = static_cast<std::uint64_t>(seed);
      row.folder = out_ / data.name /
                   (row.kind == "lorae" ? str(row.model, "-lorae-r", row.rank, "-s", seed)
                                        : str(row.model, '-', row.kind, "-s", seed));
      to.rows.push_back(row);
    }
  }

  void count_parameters(const TablePlan& table, report::SweepRow& row) {
    ConfigReader reader = reader_of(plan_, row, {}, overrides_);
    const training::TrainConfig config = training::read_train_plan(reader);
    const auto print = table.paper.empty() || row.kind == "head"
                           ? std::nullopt
                           : paper_print(table.paper, row.model, row.rank);
    const std::int64_t meant = print ? print->cell.rank_meant : 0;
    const auto key = str(row.data, '/', row.model, '/', row.method(), '/', meant);
    if (!counts_.contains(key)) {
      counts_[key] = count(config, meant);
    }
    const Counts& counts = counts_[key];
    row.updated_parameters = counts.updated;
    if (!print) {
      return;
    }
    row.paper_millions = std::stod(std::string(print->cell.millions));
    row.paper_count = row.kind == "full" ? counts.total : print->has_rule ? counts.by_rule : 0;
    row.paper_note = note_of(*print, counts, config.model);
    if (row.paper_note.starts_with("differs") && row.kind == "full" && print->has_rule) {
      const std::string with = note_with_adapters(*print, config.model);
      row.paper_note = with.empty() ? row.paper_note : with;
    }
  }

  const SweepPlan& plan_;
  const std::filesystem::path& out_;
  const std::function<void(ConfigReader&)>& overrides_;
  std::map<std::string, Counts> counts_;
};

}  // namespace

report::Sweep sweep_of(const SweepPlan& plan,
                       const std::vector<std::string>& only,
                       const std::filesystem::path& out,
                       const std::function<void(ConfigReader&)>& overrides) {
  std::vector<std::string> names;
  for (const TablePlan& table : plan.tables) {
    names.push_back(table.name);
  }
  for (const std::string& name : only) {
    check(std::ranges::find(names, name) != names.end(), ErrorCode::kInvalidConfig,
          "--only: no table '", name, "'; the configuration has: ", join(names));
  }
  report::Sweep sweep{.title = plan.title, .config = plan.text};
  Rows rows(plan, out, overrides);
  for (const TablePlan& table : plan.tables) {
    if (!only.empty() && std::ranges::find(only, table.name) == only.end()) {
      continue;
    }
    sweep.tables.push_back({.name = table.name, .title = table.title, .data = table.data});
    rows.add(table, sweep);
  }
  for (const DataPlan& data : plan.data) {
    if (std::ranges::any_of(sweep.rows,
                            [&](const report::SweepRow& row) { return row.data == data.name; })) {
      sweep.data.push_back(
          {.name = data.name, .metrics = data.metrics, .drawn_rank = data.drawn_rank});
    }
  }
  return sweep;
}

}  // namespace lorae::apps
