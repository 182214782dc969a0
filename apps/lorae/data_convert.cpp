#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/common/output.h"
#include "apps/lorae/data_commands.h"
#include "data/formats/convert.h"

namespace lorae::apps {
namespace {

struct ConvertArguments {
  std::string data, out, format;
  std::vector<std::string> names;
  bool skip = false, as_json = false;
};

void run_convert(const ConvertArguments& asked) {
  const data::Converted done =
      data::convert_set(asked.data, asked.out, *named<data::SetFormat>(asked.format),
                        {.damaged = asked.skip ? data::Damaged::kSkip : data::Damaged::kRefuse,
                         .names = asked.names});
  if (asked.as_json) {
    say("{}\n", json_line(nlohmann::json{{"images", done.images}, {"objects", done.objects}}));
  } else {
    say("{}: {} images, {} objects, as {}\n", asked.out, done.images, done.objects, asked.format);
  }
}

}  // namespace

void add_convert_command(CLI::App& data) {
  auto* convert =
      data.add_subcommand("convert", "write a set of objects or masks in another format");
  const auto asked = std::make_shared<ConvertArguments>();
  convert->add_option("DATA", asked->data, "a data set, or a YOLO set's YAML file")->required();
  convert->add_option("OUT", asked->out, "new folder")->required();
  convert->add_option("--format", asked->format, "yolo, voc, coco or masks")
      ->check(CLI::IsMember({"yolo", "voc", "coco", "masks"}))
      ->required();
  convert->add_option("--names", asked->names, "of the classes, where the set does not say them")
      ->delimiter(',');
  convert->add_flag("--skip-damaged", asked->skip, "leave out what is damaged");
  convert->add_flag("--json", asked->as_json, "one JSON object");
  convert->callback([asked] { run_convert(*asked); });
}

}  // namespace lorae::apps
