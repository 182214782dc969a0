#include "experiment/run_config.h"

#include <set>

#include "base/ids.h"
#include "base/text.h"
#include "codec/chain.h"

namespace lorae::experiment {
namespace {

struct Top {
  std::uint64_t seed = 0;
};

template <typename Visitor>
void visit_fields(Top& top, Visitor&& visit) {
  visit("seed", top.seed, between(0, 1e15), "of every random choice");
}

/// Calls read(section, options) for each section, in the order in which they are printed.
template <typename Config, typename Visit>
void visit_sections(Config& config, Visit&& visit) {
  visit("model", config.model);
  visit("data", config.data);
  visit("pretraining", config.pretraining);
  visit("training", config.training);
  visit("federation", config.federation);
  visit("network", config.network);
  visit("simulation", config.simulation);
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
      codec::Chain::parse(method.uplink);
      check(!codec::Chain::parse(method.downlink).delta(), ErrorCode::kInvalidConfig,
            "'delta' makes no sense for a whole state; take it out of the downlink");
    } catch (const Error& error) {
      fail(ErrorCode::kInvalidConfig, where("uplink"), ": ", error.what());
    }
  }
}

}  // namespace

RunConfig read_run_config(ConfigReader& reader, const RunConfig& start) {
  RunConfig config = start;
  Top top;
  reader.read("", top);
  config.seed = top.seed;
  visit_sections(config,
                 [&](const char* section, auto& options) { reader.read(section, options); });
  MethodConfig method;
  reader.read("server", method.server);
  config.methods = {method};
  reader.read_list("methods", config.methods, method);
  reader.finish();
  validate(config.federation, reader);
  validate_methods(config, reader);
  check(config.model.height % config.model.pool == 0 && config.model.width % config.model.pool == 0,
        ErrorCode::kInvalidConfig, reader.where("model.pool"), ": expected a divisor of ",
        config.model.height, " and ", config.model.width, ", got ", config.model.pool);
  return config;
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
  RunConfig one = config;
  one.methods = {method};
  return print_run_config(one);
}

std::string print_run_config(const RunConfig& config) {
  ConfigPrinter printer;
  printer.print("", Top{config.seed});
  visit_sections(
      config, [&](const char* section, const auto& options) { printer.print(section, options); });
  for (std::size_t i = 0; i < config.methods.size(); ++i) {
    printer.print(str("methods.", i), config.methods[i]);
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
