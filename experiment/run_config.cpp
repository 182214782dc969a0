#include "experiment/run_config.h"

#include <set>

#include "base/ids.h"
#include "codec/pipeline.h"

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
  visit("server", config.server);
  visit("federation", config.federation);
  visit("network", config.network);
  visit("simulation", config.simulation);
}

void validate_methods(const RunConfig& config, const ConfigReader& reader) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < config.methods.size(); ++i) {
    const training::MethodOptions& method = config.methods[i];
    const auto where = [&](const char* key) { return reader.where(str("methods.", i, '.', key)); };
    check(is_client_name(method.name), ErrorCode::kInvalidConfig, where("name"),
          ": expected letters, digits, '.', '_' or '-', got \"", method.name, '"');
    check(names.insert(method.name).second, ErrorCode::kInvalidConfig, where("name"), ": \"",
          method.name, "\" is the name of an earlier method");
    try {
      codec::Pipeline::parse(method.uplink);
      check(!codec::Pipeline::parse(method.downlink).delta(), ErrorCode::kInvalidConfig,
            "'delta' makes no sense for a whole state; take it out of the downlink");
    } catch (const Error& error) {
      fail(ErrorCode::kInvalidConfig, where("uplink"), ": ", error.what());
    }
  }
}

}  // namespace

RunConfig read_run_config(ConfigReader& reader) {
  RunConfig config;
  Top top;
  reader.read("", top);
  config.seed = top.seed;
  visit_sections(config,
                 [&](const char* section, auto& options) { reader.read(section, options); });
  reader.read_list("methods", config.methods);
  reader.finish();
  validate(config.federation, reader);
  validate_methods(config, reader);
  check(config.model.height % config.model.pool == 0 && config.model.width % config.model.pool == 0,
        ErrorCode::kInvalidConfig, reader.where("model.pool"), ": expected a divisor of ",
        config.model.height, " and ", config.model.width, ", got ", config.model.pool);
  return config;
}

RunConfig load_run_config(const std::string& file, const std::vector<std::string>& overrides) {
  ConfigReader reader = file.empty() ? ConfigReader{} : ConfigReader::load(file);
  for (const std::string& assignment : overrides) {
    reader.set(assignment);
  }
  return read_run_config(reader);
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

const training::MethodOptions& find_method(const RunConfig& config, const std::string& name) {
  if (name.empty()) {
    return config.methods.front();
  }
  std::string known;
  for (const training::MethodOptions& method : config.methods) {
    if (method.name == name) {
      return method;
    }
    known += str(known.empty() ? "" : ", ", method.name);
  }
  fail(ErrorCode::kInvalidConfig, "[config] no method '", name,
       "'; the configuration has: ", known);
}

}  // namespace lorae::experiment
