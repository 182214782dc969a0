#include "apps/lorae/sweep_plan.h"

#include <algorithm>
#include <set>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/text.h"
#include "models/model.h"
#include "training/recipes.h"

namespace lorae::apps {

template <typename Visitor>
void visit_fields(DataPlan& data, Visitor&& visit) {
  visit("name", data.name, anything(), "of its columns and its folder");
  visit("path", data.path, anything(), "below --data");
  visit("classes", data.classes, between(1, 100000), "that its pictures show");
  visit("recipe", data.recipe, one_of(training::recipe_names()), "of lorae train");
  visit("weights", data.weights, anything(), "to start from, below --data; {model} is its name");
  visit("metrics", data.metrics, anything(), "columns of the tables; the first is drawn");
  visit("models", data.models, anything(), "see: lorae models");
  visit("kinds", data.kinds, anything(), "lorae, full or head");
  visit("ranks", data.ranks, between(1, 1024), "of kind lorae");
  visit("seeds", data.seeds, between(0, 1e15), "");
  visit("drawn_rank", data.drawn_rank, between(0, 1024), "whose curves are drawn");
}

template <typename Visitor>
void visit_fields(TablePlan& table, Visitor&& visit) {
  visit("name", table.name, anything(), "");
  visit("title", table.title, anything(), "");
  visit("paper", table.paper, one_of({"", "2", "3", "4", "5", "6", "7"}),
        "whose updated parameters stand beside ours");
  visit("data", table.data, anything(), "names of data sets");
  visit("models", table.models, anything(), "of theirs");
  visit("kinds", table.kinds, anything(), "of theirs");
  visit("ranks", table.ranks, between(1, 1024), "of theirs");
}

namespace {

struct Top {
  std::string title = "sweep";
};
template <typename Visitor>
void visit_fields(Top& top, Visitor&& visit) {
  visit("title", top.title, anything(), "");
}

/// Numbers by keys that are known only when models and ranks are.
struct Printed {
  std::vector<std::string> keys;
  std::map<std::string, std::vector<double>>& rows;
};
template <typename Visitor>
void visit_fields(Printed& printed, Visitor&& visit) {
  for (const std::string& key : printed.keys) {
    visit(key, printed.rows[key], between(0, 1), "as the paper prints them");
  }
}

std::vector<std::string> methods_of(const std::vector<std::string>& kinds,
                                    const std::vector<std::int64_t>& ranks) {
  std::vector<std::string> methods;
  for (const std::string& kind : kinds) {
    if (kind != "lorae") {
      methods.push_back(kind);
      continue;
    }
    for (const std::int64_t rank : ranks) {
      methods.push_back(str('r', rank));
    }
  }
  return methods;
}

void read_printed(ConfigReader& reader,
                  const std::string& section,
                  const DataPlan& data,
                  std::map<std::string, std::vector<double>>& rows) {
  Printed printed{{}, rows};
  for (const std::string& model : data.models) {
    for (const std::string& method : methods_of(data.kinds, data.ranks)) {
      printed.keys.push_back(str(model, '.', method));
    }
  }
  reader.read(section, printed);
  for (const auto& [key, numbers] : rows) {
    check(numbers.empty() || numbers.size() == data.metrics.size(), ErrorCode::kInvalidConfig,
          reader.where(str(section, '.', key)), ": expected a number for each of ",
          join(data.metrics), ", got ", numbers.size());
  }
  std::erase_if(rows, [](const auto& row) { return row.second.empty(); });
}

/// Every one of `values` is one of `known`.
template <typename Value>
void check_all(const ConfigReader& reader,
               const std::string& key,
               const std::vector<Value>& values,
               const std::vector<Value>& known,
               const std::string& of) {
  check(!values.empty(), ErrorCode::kInvalidConfig, reader.where(key), ": expected at least one");
  for (const Value& value : values) {
    check(std::ranges::find(known, value) != known.end(), ErrorCode::kInvalidConfig,
          reader.where(key), ": '", value, "' is none of ", of);
  }
}

void check_name(const ConfigReader& reader,
                const std::string& section,
                const std::string& name,
                std::set<std::string>& taken) {
  const std::string key = section + ".name";
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  check(!name.empty() && name.find_first_not_of(kLetters) == std::string::npos,
        ErrorCode::kInvalidConfig, reader.where(key),
        ": expected letters, digits, '-' and '_', got '", name, "'");
  check(taken.insert(name).second, ErrorCode::kInvalidConfig, reader.where(key), ": '", name,
        "' is there twice");
}

void read_data(ConfigReader& reader, SweepPlan& plan) {
  reader.read_list("data", plan.data);
  check(!plan.data.empty(), ErrorCode::kInvalidConfig,
        "[sweep] nothing to train: expected [[data]] with name, path, classes, metrics and models");
  const ConfigReader common = reader.part("set");
  std::set<std::string> names;
  for (std::size_t i = 0; i < plan.data.size(); ++i) {
    const std::string section = str("data.", i);
    DataPlan& data = plan.data[i];
    check_name(reader, section, data.name, names);
    check(!data.path.empty() && !data.metrics.empty(), ErrorCode::kInvalidConfig, "[sweep] data '",
          data.name, "': expected a path below --data, and metrics");
    check_all(reader, section + ".models", data.models, models::model_names(),
              "the models that there are; lorae models lists them");
    check_all(reader, section + ".kinds", data.kinds, {"lorae", "full", "head"},
              "\"lorae\", \"full\", \"head\"");
    data.settings = reader.part(section + ".set");
    data.settings.fill(common);
    data.drawn_rank = data.drawn_rank == 0 ? data.ranks.front() : data.drawn_rank;
    read_printed(reader, section + ".printed", data, data.printed);
  }
}

void read_tables(ConfigReader& reader, SweepPlan& plan) {
  reader.read_list("tables", plan.tables);
  std::vector<std::string> known;
  for (const DataPlan& data : plan.data) {
    known.push_back(data.name);
  }
  if (plan.tables.empty()) {
    plan.tables = {{.name = "1", .title = plan.title, .data = known}};
  }
  std::set<std::string> names;
  for (std::size_t i = 0; i < plan.tables.size(); ++i) {
    const std::string section = str("tables.", i);
    TablePlan& table = plan.tables[i];
    check_name(reader, section, table.name, names);
    check_all(reader, section + ".data", table.data, known, "the names of [[data]]");
    for (const std::string& name : table.data) {
      const DataPlan& data = plan.data_of(name);
      const auto of = "those of data '" + name + "'";
      if (!table.models.empty()) {
        check_all(reader, section + ".models", table.models, data.models, of);
      }
      if (!table.kinds.empty()) {
        check_all(reader, section + ".kinds", table.kinds, data.kinds, of);
      }
      if (!table.ranks.empty()) {
        check_all(reader, section + ".ranks", table.ranks, data.ranks, of);
      }
      std::map<std::string, std::vector<double>> printed;
      read_printed(reader, str(section, ".printed.", name), data, printed);
      for (auto& [key, numbers] : printed) {
        table.printed[str(name, '.', key)] = std::move(numbers);
      }
    }
  }
}

}  // namespace

const DataPlan& SweepPlan::data_of(const std::string& name) const {
  const auto found = std::ranges::find(data, name, &DataPlan::name);
  check(found != data.end(), ErrorCode::kInvalidArgument, "[sweep] no data '", name, "'");
  return *found;
}

SweepPlan read_sweep_plan(const std::filesystem::path& file) {
  ConfigReader reader = ConfigReader::load(file);
  SweepPlan plan{.title = {}, .data = {}, .tables = {}, .text = {}};
  Top top;
  reader.read("", top);
  plan.title = top.title;
  plan.text = text_of(read_file(file));
  read_data(reader, plan);
  read_tables(reader, plan);
  reader.finish();
  return plan;
}

ConfigReader reader_of(const SweepPlan& plan,
                       const report::SweepRow& row,
                       const std::filesystem::path& root,
                       const std::function<void(ConfigReader&)>& overrides) {
  const DataPlan& data = plan.data_of(row.data);
  ConfigReader reader = data.settings;
  const auto set_unless_given = [&](const std::string& key, const ConfigValue::Value& value) {
    if (!reader.has(key)) {
      reader.set(key, {value, "the sweep"});
    }
  };
  overrides(reader);
  if (!data.weights.empty()) {
    std::string weights = data.weights;
    constexpr std::string_view kModel = "{model}";
    if (const std::size_t at = weights.find(kModel); at != std::string::npos) {
      weights.replace(at, kModel.size(), row.model);
    }
    set_unless_given("weights", (root / weights).string());
  }
  set_unless_given("recipe", data.recipe);
  set_unless_given("model.classes", data.classes + models::background_outputs(row.model));
  reader.set("data", {(root / data.path).string(), "the sweep"});
  reader.set("model.name", {row.model, "the sweep"});
  reader.set("train.kind", {row.kind, "the sweep"});
  if (row.kind == "lorae") {
    reader.set("train.rank", {row.rank, "the sweep"});
  }
  reader.set("seed", {static_cast<std::int64_t>(row.seed), "the sweep"});
  return reader;
}

}  // namespace lorae::apps
