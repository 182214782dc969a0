#include "training/plan.h"

#include <algorithm>

#include "base/str.h"
#include "codec/chain.h"

namespace lorae::training {
namespace {

struct Top {
  std::uint64_t seed = 0;
};

template <typename Visitor>
void visit_fields(Top& top, Visitor&& visit) {
  visit("seed", top.seed, at_least(0), "of every random choice");
}

/// TOML of one value a line, as a ConfigPrinter writes it, without comments and empty lines.
std::string without_comments(std::string_view toml) {
  std::string text;
  while (!toml.empty()) {
    const std::string_view line = toml.substr(0, toml.find('\n'));
    toml.remove_prefix(std::min(line.size() + 1, toml.size()));
    bool quoted = false;
    std::size_t end = 0;  // behind the last character that counts
    for (std::size_t i = 0; i < line.size() && (quoted || line[i] != '#'); ++i) {
      if (quoted && line[i] == '\\') {
        ++i;
      } else if (line[i] == '"') {
        quoted = !quoted;
      }
      end = line[std::min(i, line.size() - 1)] == ' ' ? end : i + 1;
    }
    if (end > 0) {
      text += str(line.substr(0, end), '\n');
    }
  }
  return text;
}

}  // namespace

std::string plan_text(const Plan& plan) {
  ConfigPrinter printer;
  printer.print("", Top{plan.seed});
  printer.print("model", plan.model);
  printer.print("task", plan.task);
  printer.print("data", plan.data);
  printer.print("training", plan.training);
  printer.print("method", plan.method);
  printer.print("augment", plan.augment);
  return without_comments(printer.text());
}

ParsedPlan parse_plan(std::string_view text) {
  ConfigReader reader = ConfigReader::parse(text, "plan");
  ParsedPlan parsed;
  Plan& plan = parsed.plan;
  Top top;
  reader.read("", top);
  plan.seed = top.seed;
  reader.read("model", plan.model);
  reader.read("task", plan.task);
  reader.read("data", plan.data);
  reader.read("training", plan.training);
  reader.read("method", plan.method);
  reader.read("augment", plan.augment);
  parsed.unknown = reader.unknown();
  check_has_rank(plan.method.kind, plan.method.lorae, reader, "method.rank");
  codec::Chain::parse(plan.method.uplink);
  codec::Chain::parse(plan.method.downlink);
  return parsed;
}

}  // namespace lorae::training
