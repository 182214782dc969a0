#include "apps/lorae/data_cli.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/common/command_line.h"
#include "apps/common/output.h"
#include "apps/lorae/data_commands.h"
#include "base/clock.h"
#include "base/process.h"
#include "data/augment.h"
#include "data/formats/open.h"
#include "data/loader.h"

namespace lorae::apps {
namespace {

struct BenchArguments {
  explicit BenchArguments(CLI::App& command) : overrides(command) {}

  std::string data;
  std::int64_t workers = 2, size = 224, batch = 64, channels = 3;
  bool as_json = false;
  ConfigFlags overrides;
};

/// One epoch of the training half, decoded from its files, shuffled, fitted and batched.
void run_bench(const BenchArguments& asked) {
  ConfigReader reader;
  asked.overrides.apply(reader);
  data::AugmentOptions augment = data::kNoAugmentation;
  reader.read("augment", augment);
  reader.finish();
  const auto set = data::open_dataset(asked.data, asked.channels, data::Split::kTrain);
  data::Loader loader(set,
                      {.shape = {asked.channels, asked.size, asked.size},
                       .batch_size = asked.batch,
                       .workers = asked.workers,
                       .prepare = data::stretching(data::make_augmentation(augment))},
                      Seed{0});
  const TimePoint start = Clock::now();
  loader.start(0);
  std::int64_t images = 0;
  while (const auto batch = loader.next()) {
    images += batch->size();
  }
  const double rate = static_cast<double>(images) / seconds(Clock::now() - start);
  if (asked.as_json) {
    say("{}\n",
        nlohmann::json{{"images_per_second", rate}, {"peak_memory_mb", peak_memory_mb()}}.dump());
  } else {
    say("{} images, {:.1f} images/s, {:.0f} MB at most\n", images, rate, peak_memory_mb());
  }
}

void add_bench_command(CLI::App* data) {
  auto* bench = data->add_subcommand("bench", "how fast training images are read and decoded");
  const auto asked = std::make_shared<BenchArguments>(*bench);
  bench->add_option("DATA", asked->data, "folder of images")->required();
  bench->add_option("--workers", asked->workers, "threads that decode; 0: none beside the main one")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  bench->add_option("--image-size", asked->size, "pixels of a side")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  bench->add_option("--batch", asked->batch, "images at once")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  bench->add_option("--channels", asked->channels, "3 or 1")
      ->check(CLI::IsMember({1, 3}))
      ->capture_default_str();
  asked->overrides.settings("augment.KEY=VALUE, as for lorae train; without: none");
  bench->add_flag("--json", asked->as_json, "one JSON object");
  bench->callback([asked] { run_bench(*asked); });
}

}  // namespace

void add_data_commands(CLI::App& app) {
  auto* data = app.add_subcommand("data", "look at data sets");
  data->require_subcommand(1);
  add_bench_command(data);
  add_check_command(*data);
  add_convert_command(*data);
  add_scenes_command(*data);
  add_show_command(*data);
}

}  // namespace lorae::apps
