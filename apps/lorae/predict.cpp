#include "apps/lorae/predict.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "apps/common/output.h"
#include "apps/lorae/objects.h"
#include "apps/lorae/watch.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "data/classes.h"
#include "data/draw.h"
#include "data/picture.h"
#include "tensors/torch.h"
#include "training/shares.h"

namespace lorae::apps {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Pictures of the sources, folders searched to their bottom, in the order of names.
std::vector<fs::path> pictures_of(const std::vector<std::string>& sources) {
  std::vector<fs::path> found;
  const std::function<void(const fs::path&)> search = [&](const fs::path& path) {
    if (fs::is_directory(path)) {
      std::ranges::for_each(data::entries(path), search);
    } else if (data::is_picture(path)) {
      found.push_back(path);
    }
  };
  for (const std::string& source : sources) {
    check(fs::exists(source), ErrorCode::kInvalidConfig, "[predict] '", source, "' does not exist");
    if (fs::is_directory(source)) {
      search(source);
    } else {
      found.emplace_back(source);
    }
  }
  check(!found.empty(), ErrorCode::kInvalidConfig, "[predict] no picture in '", sources.front(),
        "'");
  return found;
}

/// What is drawn must not take the place of what it is drawn on.
void expect_saved_apart(const fs::path& save, const fs::path& pictures) {
  check(save.empty() || fs::weakly_canonical(save / "") != fs::weakly_canonical(pictures / ""),
        ErrorCode::kInvalidConfig, "[predict] --save '", save.string(),
        "' is a folder of the pictures themselves: choose another one for those with labels");
}

Said classes_of(const Trained& trained, const at::Tensor& picture, const UseArguments& asked) {
  const training::TrainConfig& config = trained.config;
  const data::ImageShape shape = training::input_shape(config.model);
  const at::Tensor image =
      torch::empty({1, shape.channels, shape.height, shape.width}, torch::kUInt8);
  data::fit_into(picture, image[0]);
  const data::Batch batch{image, torch::zeros({1}, torch::kInt64), {0}};
  const at::Tensor shares = trained.task->predict(*trained.model, batch).scores.cpu().softmax(1)[0];
  const auto [values, labels] = shares.topk(std::min(asked.top, config.model.classes));
  Said said{.line = {{"classes", json::array()}}};
  std::vector<std::string> captions;
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    const std::string name = trained.class_name(labels[i].item<std::int64_t>());
    const auto share = values[i].item<double>();
    said.line["classes"].push_back({{"name", name}, {"probability", share}});
    captions.push_back(fmt::format("{} {:.1f} %", name, 100 * share));
  }
  said.text = fmt::format("{}", fmt::join(captions, "  "));
  if (!asked.save.empty()) {
    said.drawn = data::captioned(picture, captions);
  }
  return said;
}

}  // namespace

fs::path Sayer::place_of(const fs::path& path) {
  const fs::path folder = asked_.save;
  ensure_directory(folder);
  fs::path place = folder / path.filename();
  if (!asked_.watch.empty()) {
    return place;  // all come from one folder; one that is written again is drawn again
  }
  for (int i = 2; !given_.insert(place).second; ++i) {
    place = folder / fmt::format("{}-{}{}", path.stem().string(), i, path.extension().string());
  }
  return place;
}

void Sayer::say_of(const Trained& trained,
                   const fs::path& path,
                   const json& more,
                   const std::string& note) {
  const torch::NoGradGuard no_grad;
  const at::Tensor picture = data::read_picture(path, trained.config.model.channels);
  const Said said = trained.task->needs().proportions
                        ? said_of_scene(trained, path, picture, asked_)
                        : classes_of(trained, picture, asked_);
  if (!asked_.save.empty()) {
    data::write_picture(place_of(path), said.drawn);
  }
  if (asked_.as_json) {
    json line{{"file", path.string()}, {"width", picture.size(1)}, {"height", picture.size(0)}};
    line.update(said.line);
    line.update(more);
    say("{}\n", json_line(line));
  } else {
    say("{}  {} x {}  {}{}\n", path.string(), picture.size(1), picture.size(0), said.text,
        note.empty() ? "" : "  " + note);
  }
}

void run_predict(const UseArguments& asked, const std::function<void(ConfigReader&)>& overrides) {
  if (!asked.watch.empty()) {
    expect_saved_apart(asked.save, asked.watch);
    run_watch(asked, overrides);
    return;
  }
  check(!asked.sources.empty(), ErrorCode::kInvalidConfig,
        "[predict] give pictures or folders of them, or --watch DIR");
  const std::vector<fs::path> pictures = pictures_of(asked.sources);
  for (const fs::path& path : pictures) {
    expect_saved_apart(asked.save, fs::absolute(path).parent_path());
  }
  const Trained trained = load_trained(asked, "", overrides);
  Sayer sayer(asked);
  for (const fs::path& path : pictures) {
    sayer.say_of(trained, path);
  }
}

}  // namespace lorae::apps
