#include <fmt/chrono.h>

#include <CLI/CLI.hpp>
#include <ctime>

#include "apps/common/flags.h"
#include "apps/common/main_of.h"
#include "base/atomic_file.h"
#include "base/home.h"
#include "simulation/compare.h"

namespace {

namespace fs = std::filesystem;
using namespace lorae;

/// "simulations/quickstart-20260102-030405" in the working folder.
fs::path default_out(const fs::path& config) {
  return fs::path("simulations") / fmt::format("{}-{:%Y%m%d-%H%M%S}", config.stem().string(),
                                               fmt::gmtime(std::time(nullptr)));
}

int run(int argc, char** argv) {
  CLI::App app{
      "Runs virtual clients through the same rounds as a deployment, once per method and seed of\n"
      "the configuration, and compares accuracy and bytes."};
  std::string config;
  std::string home = default_home().string();
  std::string out;
  std::vector<std::string> methods;
  bool resume = false;
  bool print_config = false;
  app.add_option("CONFIG", config, "TOML file; see configs/")->required();
  apps::ConfigFlags overrides(app);
  overrides.text("--device", "device", "auto, cpu, cuda:N, or several: cuda:0,cuda:1");
  overrides.settings();
  app.add_option("--method", methods, "only this method of the file; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--out", out, "folder for results; default: simulations/NAME-TIME");
  app.add_option("--home", home, "cached backbones")->capture_default_str();
  app.add_flag("--resume", resume, "go on with what --out holds");
  app.add_flag("--print-config", print_config, "print the effective configuration and exit");
  CLI11_PARSE(app, argc, argv);

  experiment::RunConfig run_config =
      experiment::load_run_config(config, [&](ConfigReader& reader) { overrides.apply(reader); });
  experiment::check_baseline(run_config);
  if (!methods.empty()) {
    std::vector<experiment::MethodConfig> chosen;
    for (const std::string& name : methods) {
      chosen.push_back(experiment::find_method(run_config, name));
    }
    run_config.methods = std::move(chosen);
  }
  if (print_config) {
    fmt::print("{}", experiment::print_run_config(run_config));
    return 0;
  }
  check(!resume || !out.empty(), ErrorCode::kInvalidConfig,
        "[simulate] --resume needs --out, the folder to go on with");
  ensure_directory(home);
  const fs::path folder = out.empty() ? default_out(config) : fs::path(out);
  const report::Comparison comparison = simulation::simulate({run_config, home, folder, resume});
  fmt::print("{}\nreport      {}\ncomparison  {}\n", report::comparison_table(comparison),
             fs::absolute(folder / "report.html").string(),
             fs::absolute(folder / "comparison.json").string());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return lorae::apps::main_of("lorae-simulate", [&] { return run(argc, argv); });
}
