#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/common/output.h"
#include "apps/common/table.h"
#include "apps/lorae/data_commands.h"
#include "base/error.h"
#include "base/skew.h"
#include "base/text.h"
#include "data/deal.h"
#include "data/domains.h"
#include "data/draw.h"
#include "data/formats/open.h"
#include "data/formats/sheet.h"

namespace lorae::apps {
namespace {

struct ShowArguments {
  std::string data, partition, sheet, half = "train", halves = "honest", domains, column = "domain";
  std::vector<std::string> names;
  std::int64_t clients = 0, samples = 16, side = 224;
  std::uint64_t seed = 0;
  data::DealOptions deal;
  bool as_json = false;
};

/// Who would hold what.
struct Dealt {
  std::vector<std::int64_t> images;
  std::vector<std::vector<std::int64_t>> by_class;
};

Dealt dealt(const data::Dataset& set, const ShowArguments& asked) {
  Dealt all;
  if (asked.clients > 0) {
    for (const auto& share : data::deal(set, asked.deal, asked.clients, Seed{asked.seed})) {
      all.images.push_back(std::ssize(share));
      all.by_class.push_back(data::class_counts(set, share));
    }
  }
  return all;
}

std::vector<std::int64_t> everything(const data::Dataset& set) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(set.size()));
  std::generate(all.begin(), all.end(), [i = std::int64_t{0}]() mutable { return i++; });
  return all;
}

/// Sides of the pictures from the smallest to the largest.
nlohmann::json sizes_of(const data::Dataset& set) {
  std::vector<std::int64_t> widths, heights;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    if (const auto size = set.picture_size(i)) {
      widths.push_back(size->width);
      heights.push_back(size->height);
    }
  }
  const auto range = [](std::vector<std::int64_t>& sides) {
    std::ranges::sort(sides);
    return nlohmann::json{sides.front(), sides[sides.size() / 2], sides.back()};
  };
  return widths.empty() ? nlohmann::json()
                        : nlohmann::json{{"width", range(widths)}, {"height", range(heights)}};
}

std::int64_t sum_of(const std::vector<std::int64_t>& counts) {
  std::int64_t sum = 0;
  for (const std::int64_t count : counts) {
    sum += count;
  }
  return sum;
}

nlohmann::json json_of(const data::Dataset& set, const Dealt& all) {
  const bool objects = set.annotation() == data::Annotation::kBoxes ||
                       set.annotation() == data::Annotation::kOutlines;
  const auto counts = data::class_counts(set, everything(set));
  nlohmann::json json{{"images", set.size()},
                      {"objects", objects ? sum_of(counts) : 0},
                      {"classes", set.classes()},
                      {"by_class", counts}};
  if (const nlohmann::json sizes = sizes_of(set); !sizes.is_null()) {
    json["sizes"] = sizes;
  }
  if (!all.images.empty()) {
    json["clients"] = nlohmann::json::array();
    for (std::size_t j = 0; j < all.images.size(); ++j) {
      json["clients"].push_back({{"images", all.images[j]},
                                 {"objects", objects ? sum_of(all.by_class[j]) : 0},
                                 {"by_class", all.by_class[j]}});
    }
    json["skew"] = skew_of(all.by_class);
  }
  return json;
}

void print(const data::Dataset& set, const nlohmann::json& json) {
  const bool objects = json["objects"] > 0;
  say("{} images, {} objects, {} classes\n", json["images"].get<std::int64_t>(),
      json["objects"].get<std::int64_t>(), set.classes().size());
  if (json.contains("sizes")) {
    for (const char* side : {"width", "height"}) {
      const auto range = json["sizes"][side].get<std::vector<std::int64_t>>();
      say("{}: {} to {} pixels, {} in the middle\n", side, range[0], range[2], range[1]);
    }
  }
  Table classes("lr", {"class", objects ? "objects" : "images"});
  for (std::size_t k = 0; k < set.classes().size(); ++k) {
    classes.row(set.classes()[k], json["by_class"][k].get<std::int64_t>());
  }
  classes.print();
  if (!json.contains("clients")) {
    return;
  }
  Table clients("lrrl", {"client", "images", "objects", "most of"});
  for (std::size_t j = 0; j < json["clients"].size(); ++j) {
    const nlohmann::json& client = json["clients"][j];
    const auto counts = client["by_class"].get<std::vector<std::int64_t>>();
    const auto most = static_cast<std::size_t>(std::ranges::max_element(counts) - counts.begin());
    clients.row(j + 1, client["images"].get<std::int64_t>(), client["objects"].get<std::int64_t>(),
                fmt::format("{} ({})", set.classes().at(most), counts.at(most)));
  }
  clients.print();
  say("skew {:.3f}\n", json["skew"].get<double>());
}

void run_show(ShowArguments asked) {
  check(asked.partition.empty() == (asked.clients == 0), ErrorCode::kInvalidConfig,
        "[data] --partition and --clients go together");
  asked.deal.rule = named<data::Deal>(asked.partition).value_or(data::Deal::kIid);
  auto set = data::open_dataset(asked.data, 3,
                                asked.half == "train" ? data::Split::kTrain : data::Split::kTest,
                                {.damaged = data::Damaged::kSkip,
                                 .halves = *named<data::Halves>(asked.halves),
                                 .names = asked.names});
  if (!asked.domains.empty()) {
    set = data::with_domains(set, data::domains_of_csv(*set, asked.domains, asked.column));
  }
  const nlohmann::json json = json_of(*set, dealt(*set, asked));
  if (!asked.sheet.empty()) {
    data::write_picture(
        asked.sheet, data::sheet_of(*set, data::spread(set->size(), asked.samples), 4, asked.side));
  }
  if (asked.as_json) {
    say("{}\n", json_line(json));
  } else {
    print(*set, json);
    say("{}", asked.sheet.empty() ? "" : fmt::format("samples: {}\n", asked.sheet));
  }
}

template <typename Enum>
std::vector<std::string> names_of() {
  return {kNames<Enum>.begin(), kNames<Enum>.end()};
}

}  // namespace

void add_show_command(CLI::App& data) {
  auto* show = data.add_subcommand(
      "show", "count a set's pictures, objects and sizes; draw samples; deal it to clients");
  const auto asked = std::make_shared<ShowArguments>();
  show->add_option("DATA", asked->data, "a data set, or a YOLO set's YAML file")->required();
  show->add_option("--half", asked->half, "train or test")
      ->check(CLI::IsMember({"train", "test"}))
      ->capture_default_str();
  show->add_option("--sheet", asked->sheet, "a picture of samples with their labels, .png or .jpg");
  show->add_option("--samples", asked->samples, "on the sheet")
      ->check(CLI::Range(1, 400))
      ->capture_default_str();
  show->add_option("--side", asked->side, "pixels of a sample")
      ->check(CLI::Range(32, 2048))
      ->capture_default_str();
  const auto rules = names_of<data::Deal>();
  show->add_option("--partition", asked->partition, join(rules))->check(CLI::IsMember(rules));
  show->add_option("--clients", asked->clients, "who share the pictures")
      ->check(CLI::Range(1, 100000));
  show->add_option("--alpha", asked->deal.alpha, "of Dirichlet's distributions")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  show->add_option("--min-images", asked->deal.min_images,
                   "that each client has, of dirichlet and quantity")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  show->add_option("--shards", asked->deal.shards, "pieces for each client")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  show->add_option("--domains", asked->domains, "a CSV file that has the domains of pictures");
  show->add_option("--column", asked->column, "of that file")->capture_default_str();
  show->add_option("--seed", asked->seed, "of the partition")->capture_default_str();
  show->add_option("--split", asked->halves, "of GlobalWheat2020: honest or paper")
      ->check(CLI::IsMember(names_of<data::Halves>()))
      ->capture_default_str();
  show->add_option("--names", asked->names, "of the classes, where the set does not say them")
      ->delimiter(',');
  show->add_flag("--json", asked->as_json, "one JSON object");
  show->callback([asked] { run_show(*asked); });
}

}  // namespace lorae::apps
