#include "training/plan.h"

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
  return printer.text();
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
  codec::Chain::parse(plan.method.uplink);
  codec::Chain::parse(plan.method.downlink);
  return parsed;
}

}  // namespace lorae::training
