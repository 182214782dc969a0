#include "experiment/run_config.h"

#include <cstdlib>
#include <numeric>
#include <set>

#include "base/ids.h"
#include "base/text.h"
#include "codec/chain.h"

namespace lorae::experiment {
namespace {

struct Top {
  std::uint64_t seed = 0;
  DeviceOptions compute;
};

template <typename Visitor>
void visit_fields(Top& top, Visitor&& visit) {
  visit("seed", top.seed, between(0, 1e15),
        "of the backbone and of how data are shared; of all else, too, but for simulation.seeds");
  visit_fields(top.compute, visit);
}

/// Calls visit(section, options) for each section, in the order in which they are printed.
template <typename Config, typename Visit>
void visit_sections(Config& config, Visit&& visit) {
  visit_own(config, visit);
  visit("federation", config.federation);
  visit("network", config.network);
  visit("simulation", config.simulation);
}

/// What no single key's range says; paths become absolute, so that a run may go on from elsewhere,
/// and what is cached for one folder is not taken for another.
void settle(Sections& sections, const ConfigReader& reader) {
  models::check_input(sections.model, reader);
  for (std::string* path :
       {&sections.model.weights, &sections.model.adapter, &sections.data.path}) {
    *path = path->empty() ? "" : std::filesystem::absolute(*path).string();
  }
}

/// Factors that are trained in turn, and layers that are sent in turn, both by the round's number,
/// have to meet. `where`: of a key of the method.
template <typename Where>
void check_turns(const MethodConfig& method, const Where& where) {
  const auto selection = codec::fill_places(method.uplink)[codec::kSelection];
  if (method.train != adapters::Factors::kAlternating || method.feedback || !selection ||
      !selection->text.starts_with("segments")) {
    return;
  }
  const auto segments = static_cast<std::int64_t>(selection->number);
  check(
      std::gcd(segments, method.period) == 1, ErrorCode::kInvalidConfig, where("period"), ": with ",
      selection->text, " and period = ", method.period,
      " some factors are never sent in the rounds in which they are trained; take numbers without "
      "a common divisor, or feedback = true");
}

/// Residuals of adapters, and rules that fill them, go together; and such a rule's step is to be
/// taken as it is. `where`: of a key of the method.
template <typename Where>
void check_residual(const MethodConfig& method, const Where& where) {
  const std::int64_t rank = method.lorae.residual_rank;
  const std::string rule = "aggregation = \"" + method.rule.aggregation + '"';
  if (!aggregation::fills_residual(method.rule.aggregation)) {
    check(rank == 0, ErrorCode::kInvalidConfig, where("residual_rank"), ": nothing fills it with ",
          rule, "; set \"residual\" or \"stacking\", or leave it 0");
    return;
  }
  check(rank > 0, ErrorCode::kInvalidConfig, where("residual_rank"), ": ", rule,
        " needs a rank to fill; set it to 8 or more");
  check(method.kind == adapters::Kind::kLorae && method.train == adapters::Factors::kBoth,
        ErrorCode::kInvalidConfig, where("train"), ": ", rule,
        " is for adapters whose extractors and mappers are trained: kind = \"lorae\", train = "
        "\"factors\"");
  check(method.server.name == "sgd" && method.server.learning_rate == 1 &&
            method.server.momentum == 0,
        ErrorCode::kInvalidConfig, where("server"), ": ", rule,
        " leads all the way; set name = \"sgd\", learning_rate = 1 and momentum = 0");
}

/// Rules go with what they are told of clients. `where`: of a key of the method.
template <typename Where>
void check_rule(const MethodConfig& method, const Where& where) {
  const std::string& rule = method.rule.aggregation;
  const training::FitOptions& local = method.own.training;
  check(method.rule.weighting != "fednova" || rule == "factor_mean", ErrorCode::kInvalidConfig,
        where("weighting"),
        ": \"fednova\" is for plain means, and stretches what other rules find; "
        "set aggregation = \"factor_mean\", or another weighting");
  check(method.rule.weighting != "fednova" || (local.optimizer == "sgd" && local.proximal == 0),
        ErrorCode::kInvalidConfig, where("weighting"),
        ": \"fednova\" knows how far steps of SGD lead: set training.optimizer = \"sgd\" and "
        "training.proximal = 0, or another weighting");
  const auto uplink = codec::Chain::parse(method.uplink);
  const bool rests = rule == "rank_mean" || method.train == adapters::Factors::kAlternating;
  check(!rests || uplink.delta() || uplink.lossless(), ErrorCode::kInvalidConfig, where("uplink"),
        ": \"", method.uplink, "\" rounds what a client did not train, too; send changes: \"delta,",
        method.uplink, '"');
  check(!aggregation::looks_at_state(rule) || method.lattice > 0 ||
            codec::Chain::parse(method.downlink).lossless(),
        ErrorCode::kInvalidConfig, where("downlink"), ": ", rule,
        " looks at the state that clients have, and \"", method.downlink,
        "\" gives them another than the server's; set \"zstd\", or lattice = 1.0");
}

/// `where`: of a key of the method.
template <typename Where>
void check_head_start(const MethodConfig& method, const Where& where) {
  if (method.head_start == training::HeadStart::kBackbone) {
    return;
  }
  check(models::task_of(method.own.model.name) == "classification", ErrorCode::kInvalidConfig,
        where("head_start"), ": class means start the head of a classifier, and \"",
        method.own.model.name, "\" is none; leave it \"backbone\"");
  check(method.kind != adapters::Kind::kLorae || method.head != adapters::Head::kNone,
        ErrorCode::kInvalidConfig, where("head_start"),
        ": class means start a head that is trained; set head = \"last\"");
}

void validate_methods(const RunConfig& config, const ConfigReader& reader) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < config.methods.size(); ++i) {
    const MethodConfig& method = config.methods[i];
    const auto where = [&](const char* key) { return reader.where(str("methods.", i, '.', key)); };
    check(is_client_name(method.name), ErrorCode::kInvalidConfig, where("name"),
          ": expected letters, digits, '.', '_' or '-', got \"", method.name, '"');
    check(names.insert(method.name).second, ErrorCode::kInvalidConfig, where("name"), ": \"",
          method.name, "\" is the name of an earlier method");
    try {
      const auto uplink = codec::Chain::parse(method.uplink);
      check(!method.feedback || (uplink.delta() && !uplink.lossless()), ErrorCode::kInvalidConfig,
            "feedback = true is for a chain with 'delta' that loses something");
      check(!codec::Chain::parse(method.downlink).delta(), ErrorCode::kInvalidConfig,
            "'delta' makes no sense for a whole state; take it out of the downlink");
    } catch (const Error& error) {
      fail(ErrorCode::kInvalidConfig, where("uplink"), ": ", error.what());
    }
    check(
        method.max_uplink.value == 0 || codec::Chain::parse(method.uplink).can_be_coarser(),
        ErrorCode::kInvalidConfig, where("max_uplink"),
        ": needs an uplink of changes in steps of any size, such as \"delta,rms_step:1.0,range\", "
        "got \"",
        method.uplink, '"');
    check(method.kind != adapters::Kind::kLorae || method.lorae.rank > 0 ||
              method.max_uplink.value > 0,
          ErrorCode::kInvalidConfig, where("rank"),
          ": 0 takes as many as max_uplink lets through; set that, or a rank");
    check_turns(method, where);
    check_residual(method, where);
    check_rule(method, where);
    check_head_start(method, where);
  }
}

}  // namespace

RunConfig read_run_config(ConfigReader& reader, const RunConfig& start) {
  RunConfig config = start;
  Top top;
  reader.read("", top);
  config.seed = top.seed;
  config.compute = top.compute;
  visit_sections(config,
                 [&](const char* section, auto& options) { reader.read(section, options); });
  MethodConfig method;
  reader.read("server", method.server);
  config.methods = {method};
  reader.read_list("methods", config.methods, method);
  for (std::size_t i = 0; i < config.methods.size(); ++i) {
    Sections& own = config.methods[i].own;
    own = config;
    visit_own(own, [&](const char* section, auto& options) {
      reader.read(str("methods.", i, '.', section), options);
    });
    settle(own, reader);
  }
  reader.finish();
  const auto& seeds = config.simulation.seeds;
  check(std::set(seeds.begin(), seeds.end()).size() == seeds.size(), ErrorCode::kInvalidConfig,
        reader.where("simulation.seeds"), ": a seed comes twice, and would count twice");
  validate(config.federation, reader);
  validate_methods(config, reader);
  settle(config, reader);
  return config;
}

RunConfig of_method(const RunConfig& config, const MethodConfig& method) {
  RunConfig one = config;
  static_cast<Sections&>(one) = method.own;
  one.methods = {method};
  return one;
}

void check_baseline(const RunConfig& config) {
  if (config.methods.size() > 1) {
    find_method(config, config.simulation.baseline);
  }
}

RunConfig load_run_config(const std::string& file,
                          const std::function<void(ConfigReader&)>& override_keys) {
  ConfigReader reader = file.empty() ? ConfigReader{} : ConfigReader::load(file);
  override_keys(reader);
  const bool own = !file.empty() || reader.has("data.path");
  return read_run_config(reader, own ? RunConfig{} : demonstration());
}

bool is_demonstration(const RunConfig& config) {
  return config.data.shift != training::DataOptions{}.shift;
}

RunConfig demonstration() {
  RunConfig config;
  config.data.shift = training::Shift::kRotateInvert;
  return config;
}

std::string print_run_config(const RunConfig& config, const MethodConfig& method) {
  return print_run_config(of_method(config, method));
}

std::string print_run_config(const RunConfig& config) {
  ConfigPrinter printer;
  printer.print("", Top{config.seed, config.compute});
  visit_sections(
      config, [&](const char* section, const auto& options) { printer.print(section, options); });
  for (std::size_t i = 0; i < config.methods.size(); ++i) {
    const MethodConfig& method = config.methods[i];
    printer.print(str("methods.", i), method);
    printer.print_changed("model", method.own.model, config.model);
    printer.print_changed("data", method.own.data, config.data);
    printer.print_changed("pretraining", method.own.pretraining, config.pretraining);
    printer.print_changed("training", method.own.training, config.training);
    printer.print_changed("augment", method.own.augment, config.augment);
  }
  return printer.text();
}

const MethodConfig& find_method(const RunConfig& config, const std::string& name) {
  if (name.empty()) {
    return config.methods.front();
  }
  std::vector<std::string> known;
  for (const MethodConfig& method : config.methods) {
    if (method.name == name) {
      return method;
    }
    known.push_back(method.name);
  }
  fail(ErrorCode::kInvalidConfig, "[config] no method '", name,
       "'; the configuration has: ", join(known));
}

}  // namespace lorae::experiment
