// Writes pages of every kind for the test in a browser. Usage: report_example_pages FOLDER
#include <vector>

#include "base/atomic_file.h"
#include "report/folders.h"
#include "report/sweep_page.h"
#include "tests/report/example_folders.h"

int main(int argc, char** argv) {
  using namespace lorae::report;
  if (argc != 2) {
    return 2;
  }
  const fs::path out = argv[1];
  fs::remove_all(out);
  const auto compare = [&](const char* name, const std::vector<std::string>& methods) {
    const fs::path folder = out / name;
    make_simulation(folder, methods, 2, /*unfinished=*/true);
    write_simulations(read_simulations({&folder, 1}), folder);
  };
  compare("simulation", {"lorae-8", "lorae-4", "int4", "head", "r2", "r16", "r32", "adam", "topk",
                         "median", "mean", "iid", "last"});
  compare("hostile", {"a<!--b", "c\"&<img src=x onerror=boom()>", "d<script>boom()", "e</b>"});
  const fs::path run = out / "run";
  make_run(run, {.rounds = 5, .has_open_round = true}, example_config({"lorae-8"}));
  write_single_report(run, run);
  const fs::path training = out / "training";
  make_training(training);
  write_single_report(training, training);
  write_page(out / "sweep/report.html", sweep_page(make_sweep(out / "sweep")));
}
