// Any text as a YOLO label file or a data.yaml: every object that is read lies in the picture and
// has an area; every other row is a problem.
#include <cstdlib>

#include "data/formats/yolo_rows.h"
#include "data/formats/yolo_yaml.h"

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  lorae::data::Labelled picture;
  lorae::data::read_yolo_rows(text, "a.txt", 80, picture);
  for (const lorae::data::Object& object : picture.objects) {
    const lorae::data::Box& box = object.box;
    require(object.label >= 0 && object.label < 80 && box.area() > 0);
    require(box.x1 >= 0 && box.y1 >= 0 && box.x2 <= 1 && box.y2 <= 1);
    for (const lorae::data::Polygon& polygon : object.polygons) {
      require(polygon.size() >= 3);
    }
  }
  const auto yaml = lorae::data::parse_yolo_yaml(std::string(text), "data.yaml");
  require(!yaml.ok() || (!yaml->names.empty() && !yaml->halves.empty()));
  return 0;
}
