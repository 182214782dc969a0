// Any bytes as a VOC annotation: every object that is read lies in the picture and has an area.
#include <cstdlib>

#include "data/formats/voc_xml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const std::vector<std::string> kClasses = {"cat", "dog"};
  for (const unsigned orientation : {1U, 6U}) {
    lorae::data::Labelled picture;
    lorae::data::read_voc_xml(text, "a.xml", kClasses,
                              {.size = {.height = 20, .width = 10}, .orientation = orientation},
                              picture);
    for (const lorae::data::Object& object : picture.objects) {
      const lorae::data::Box& box = object.box;
      const bool inside = box.x1 >= 0 && box.y1 >= 0 && box.x2 <= 1 && box.y2 <= 1;
      if (object.label < 0 || object.label > 1 || !inside || !(box.area() > 0)) {
        std::abort();
      }
    }
  }
  return 0;
}
