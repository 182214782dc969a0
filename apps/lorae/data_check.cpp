#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/common/output.h"
#include "apps/common/table.h"
#include "apps/lorae/data_commands.h"
#include "base/error.h"
#include "data/formats/check.h"

namespace lorae::apps {
namespace {

struct CheckArguments {
  std::string data;
  std::vector<std::string> names;
  bool as_json = false;
};

nlohmann::json json_of(const data::Checked& checked) {
  nlohmann::json problems = nlohmann::json::array();
  for (const data::Problem& problem : checked.problems) {
    const data::FlawRow& row = data::row_of(problem.flaw);
    problems.push_back({{"file", problem.file.string()},
                        {"line", problem.line},
                        {"kind", row.name},
                        {"what", problem.what},
                        {"effect", row.effect}});
  }
  return {{"images", checked.images}, {"objects", checked.objects}, {"problems", problems}};
}

void print(const data::Checked& checked) {
  std::map<data::Flaw, std::int64_t> counts;
  for (const data::Problem& problem : checked.problems) {
    say("{}: {}\n", data::row_of(problem.flaw).name, data::problem_text(problem));
    ++counts[problem.flaw];
  }
  Table table("lrl", {"kind", "number", "what training does"});
  for (const auto& [flaw, count] : counts) {
    table.row(data::row_of(flaw).name, count, data::row_of(flaw).effect);
  }
  if (!counts.empty()) {
    say("\n");
    table.print();
    say("\n");
  }
  say("{} images, {} objects, {} problems\n", checked.images, checked.objects,
      checked.problems.size());
}

void run_check(const CheckArguments& asked) {
  const data::Checked checked = data::check_set(asked.data, {.names = asked.names});
  if (asked.as_json) {
    say("{}\n", json_line(json_of(checked)));
  } else {
    print(checked);
  }
  check(checked.problems.empty(), ErrorCode::kCorruptData, "[data] '", asked.data, "' has ",
        checked.problems.size(), " problems; docs/bad_data.md says what becomes of each");
}

}  // namespace

void add_check_command(CLI::App& data) {
  auto* command = data.add_subcommand(
      "check", "decode all pictures, read all labels, and say what is wrong with them");
  const auto asked = std::make_shared<CheckArguments>();
  command->add_option("DATA", asked->data, "a data set, or a YOLO set's YAML file")->required();
  command->add_option("--names", asked->names, "of the classes, where the set does not say them")
      ->delimiter(',');
  command->add_flag("--json", asked->as_json, "one JSON object");
  command->callback([asked] { run_check(*asked); });
}

}  // namespace lorae::apps
