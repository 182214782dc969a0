// Writes pages of every kind for the test in a browser. Usage: report_example_pages FOLDER
#include <vector>

#include "base/atomic_file.h"
#include "report/folders.h"
#include "report/judgement_page.h"
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
  for (const std::uint64_t round : {0U, 3U, 5U}) {
    make_judgement(run, example_figures(12, {"boxes"}), round);
  }
  write_single_report(run, run);
  const fs::path training = out / "training";
  make_training(training);
  make_judgement(training, example_figures(12, {"boxes"}));
  write_single_report(training, training);
  write_page(out / "sweep/report.html", sweep_page(make_sweep(out / "sweep")));
  const fs::path judgement = out / "judgement";
  make_judgement(judgement, example_figures(80, {"masks", "boxes"}));
  write_page(judgement / "report.html",
             judgement_page(judgement, "yolov8n-seg on set", {"/data/set"}));
}
