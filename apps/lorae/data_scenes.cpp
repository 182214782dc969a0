#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/common/output.h"
#include "apps/lorae/data_commands.h"
#include "base/error.h"
#include "data/formats/fashion_mnist.h"
#include "data/formats/png_file.h"
#include "data/formats/set_writer.h"
#include "data/scenes/scenes.h"
#include "tensors/torch.h"

namespace lorae::apps {
namespace {

struct ScenesArguments {
  std::string out, from = "/usr/share/datasets/fashion-mnist", format = "yolo";
  std::int64_t images = 100, val = 20;
  std::uint64_t seed = 0;
  data::SceneOptions scene;
  bool as_json = false;
};

std::vector<data::Cutout> cutouts_of(const std::string& folder, data::Split half) {
  const data::ImageSet set = data::load_fashion_mnist(folder, half);
  const auto shape = set.shape();
  check(shape.height == data::Cutout::kSide && shape.width == data::Cutout::kSide,
        ErrorCode::kIncompatible, "[scenes] '", folder, "': expected pictures of 28 x 28 pixels");
  std::vector<data::Cutout> cutouts;
  const auto* pixels = set.images.data_ptr<std::uint8_t>();
  const auto* labels = set.labels.data_ptr<std::int64_t>();
  constexpr std::int64_t kPixels = data::Cutout::kSide * data::Cutout::kSide;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    cutouts.push_back({labels[i], {pixels + i * kPixels, pixels + (i + 1) * kPixels}});
  }
  return cutouts;
}

std::string about(const ScenesArguments& asked) {
  return fmt::format(
      "Composed pictures, not photographs: `lorae data scenes` put pictures of Fashion-MNIST\n"
      "(Xiao et al. 2017, arXiv:1708.07747), scaled, turned and tinted, on made-up grounds.\n"
      "--images {} --val {} --image-size {} --classes {} --domain {} --seed {} --format {}\n",
      asked.images, asked.val, asked.scene.side, asked.scene.classes, asked.scene.domain,
      asked.seed, asked.format);
}

void run_scenes(const ScenesArguments& asked) {
  std::vector<std::string> classes = data::idx_classes(asked.from);
  check(asked.scene.classes <= std::ssize(classes), ErrorCode::kInvalidConfig, "[scenes] '",
        asked.from, "' has ", classes.size(), " classes, --classes asks for ", asked.scene.classes);
  classes.resize(static_cast<std::size_t>(asked.scene.classes));
  const auto writer = data::set_writer(*named<data::SetFormat>(asked.format), asked.out, classes);
  std::int64_t objects = 0;
  for (const auto& [half, count] :
       {std::pair(data::Split::kTrain, asked.images), std::pair(data::Split::kTest, asked.val)}) {
    const bool train = half == data::Split::kTrain;
    const std::vector<data::Cutout> cutouts = cutouts_of(asked.from, half);
    for (std::int64_t i = 0; i < count; ++i) {
      const Seed seed =
          Seed{asked.seed}.derive(fmt::format("scenes/{}", asked.scene.domain),
                                  train ? "train" : "val", static_cast<std::uint64_t>(i));
      data::Scene scene = data::compose_scene(cutouts, asked.scene, seed);
      objects += std::ssize(scene.objects);
      const std::int64_t side = asked.scene.side;
      const auto path =
          writer->add(half, {.name = fmt::format("{}{:06}.png", train ? "train" : "val", i),
                             .size = {.height = side, .width = side},
                             .objects = std::move(scene.objects)});
      data::write_plain(path, data::png_bytes(scene.pixels, side, side, 3));
    }
  }
  writer->finish();
  data::write_plain(std::filesystem::path(asked.out) / "README.txt", about(asked));
  if (asked.as_json) {
    say("{}\n", json_line(nlohmann::json{{"images", asked.images},
                                         {"val", asked.val},
                                         {"objects", objects},
                                         {"classes", classes}}));
  } else {
    say("{}: {} + {} composed pictures with {} objects of {} classes, as {}\n", asked.out,
        asked.images, asked.val, objects, classes.size(), asked.format);
  }
}

}  // namespace

void add_scenes_command(CLI::App& data) {
  auto* scenes = data.add_subcommand(
      "scenes", "compose a set for detection and segmentation from Fashion-MNIST's pictures");
  const auto asked = std::make_shared<ScenesArguments>();
  scenes->add_option("OUT", asked->out, "new folder")->required();
  const auto number = [&](const char* flag, std::int64_t& value, const char* help, double least,
                          double most) {
    scenes->add_option(flag, value, help)->check(CLI::Range(least, most))->capture_default_str();
  };
  number("--images", asked->images, "pictures to train on", 1, 1e7);
  number("--val", asked->val, "pictures to test on", 0, 1e7);
  number("--image-size", asked->scene.side, "pixels of a side", 32, 4096);
  number("--classes", asked->scene.classes, "the first so many of the ten", 1, 255);
  number("--domain", asked->scene.domain, "ground, light, contrast and noise: 0 to 3", 0,
         static_cast<double>(data::kSceneDomains - 1));
  number("--objects", asked->scene.most_objects, "at most, in a picture", 1, 100);
  scenes->add_option("--seed", asked->seed, "another seed, other pictures")->capture_default_str();
  scenes->add_option("--format", asked->format, "yolo, voc, coco or masks")
      ->check(CLI::IsMember({"yolo", "voc", "coco", "masks"}))
      ->capture_default_str();
  scenes->add_option("--from", asked->from, "folder of Fashion-MNIST")->capture_default_str();
  scenes->add_flag("--json", asked->as_json, "one JSON object");
  scenes->callback([asked] { run_scenes(*asked); });
}

}  // namespace lorae::apps
