#include "apps/lorae/paper_cells.h"

#include <algorithm>

namespace lorae::apps {

const std::vector<PaperModel>& paper_models() {
  // {printed rank, printed millions, rank that the number belongs to (0: none), table, error}
  static const std::vector<PaperModel> all = {
      {"yolov8n",
       20,
       "3.01",
       {
           {64, "2.30", 64, "6", ""},
           {32, "1.15", 32, "6", ""},
           {16, "0.58", 16, "6", ""},
           {8, "0.29", 8, "6", ""},
           {4, "0.14", 4, "6", ""},
           {2, "0.07", 2, "6", ""},
       }},
      {"yolov8x",
       20,
       "68.17",
       {
           {64, "15.46", 64, "6", ""},
           {32, "7.73", 32, "6", ""},
           {16, "3.87", 16, "6", ""},
           {8, "1.93", 8, "6", ""},
           {4, "0.97", 4, "6", ""},
           {2, "0.48", 2, "6", ""},
       },
       {{0, "68.20", 0, "3", ""}}},
      {"yolov5su",
       20,
       "9.13",
       {
           {64, "2.01", 32, "6", ""},
           {32, "1.01", 16, "6", ""},
           {16, "0.50", 8, "6", ""},
           {8, "0.25", 4, "6", ""},
           {4, "0.13", 2, "6", ""},
           {2, "0.06", 1, "6", ""},
           {8, "0.50", 8, "3", ""},
       }},
      {"yolo11n",
       20,
       "2.59",
       {
           {64, "2.22", 64, "6", ""},
           {32, "1.17", 32, "6", ""},
           {16, "0.65", 16, "6", ""},
           {8, "0.38", 8, "6", ""},
           {4, "0.25", 4, "6", ""},
           {2, "0.19", 2, "6", ""},
       }},
      {"yolo11x",
       20,
       "56.90",
       {
           {64, "15.46", 0, "6", "the cell of YOLOv8x"},
           {32, "9.15", 32, "6", ""},
           {16, "5.62", 16, "6", ""},
           {8, "3.86", 8, "6", ""},
           {4, "2.54", 2, "6", ""},
           {2, "1.27", 0, "6", "half of the cell above; no rank gives it"},
       },
       {{8, "5.62", 16, "3", ""}}},
      {"yolov8n-cls",
       100,
       "1.99",
       {
           {64, "0.84", 64, "5", ""},
           {32, "0.42", 32, "5", ""},
           {16, "0.21", 16, "5", ""},
           {8, "0.10", 8, "5", ""},
           {4, "0.05", 4, "5", ""},
           {2, "0.03", 2, "5", ""},
       }},
      {"yolov8x-cls",
       100,
       "60.47",
       {
           {64, "8.40", 64, "5", ""},
           {32, "4.20", 32, "5", ""},
           {16, "2.10", 16, "5", ""},
           {8, "1.05", 8, "5", ""},
           {4, "0.53", 4, "5", ""},
           {2, "0.26", 2, "5", ""},
       },
       {{0, "60.4", 0, "2", ""}, {64, "8.4", 64, "2", ""}}},
      {"yolo11n-cls",
       100,
       "1.66",
       {
           {64, "1.00", 64, "5", ""},
           {32, "0.51", 32, "5", ""},
           {16, "0.26", 16, "5", ""},
           {8, "0.14", 8, "5", ""},
           {4, "0.08", 4, "5", ""},
           {2, "0.05", 2, "5", ""},
       },
       {{64, "0.99", 64, "2", ""}}},
      {"yolo11x-cls",
       100,
       "28.48",
       {
           {64, "6.57", 64, "5", ""},
           {32, "3.43", 32, "5", ""},
           {16, "1.87", 16, "5", ""},
           {8, "1.08", 8, "5", ""},
           {4, "0.69", 4, "5", ""},
           {2, "0.50", 2, "5", ""},
       },
       {{0, "28.4", 0, "2", ""}}},
      {"yolov8n-seg",
       23,
       "3.27",
       {
           {64, "2.71", 64, "7", ""},
           {32, "1.36", 32, "7", ""},
           {16, "0.68", 16, "7", ""},
           {8, "0.34", 8, "7", ""},
           {4, "0.17", 4, "7", ""},
           {2, "0.08", 2, "7", ""},
       }},
      {"yolov8x-seg",
       23,
       "71.77",
       {
           {64, "17.00", 64, "7", ""},
           {32, "8.49", 32, "7", ""},
           {16, "4.25", 16, "7", ""},
           {8, "2.12", 8, "7", ""},
           {4, "1.06", 4, "7", ""},
           {2, "0.53", 2, "7", ""},
       }},
      {"yolo11n-seg",
       1,
       "2.84",
       {
           {64, "2.85", 0, "7", "the size of the whole model with 23 classes"},
           {32, "2.64", 64, "7", ""},
           {16, "1.38", 32, "7", ""},
           {8, "0.75", 16, "7", ""},
           {4, "0.44", 8, "7", ""},
           {2, "0.28", 4, "7", ""},
       }},
      {"yolo11x-seg",
       1,
       "62.05",
       {
           {64, "18.03", 64, "7", ""},
           {32, "10.06", 32, "7", ""},
           {16, "6.08", 16, "7", ""},
           {8, "4.09", 8, "7", ""},
           {4, "3.09", 4, "7", ""},
           {2, "2.60", 2, "7", ""},
       }},
  };
  return all;
}

const std::vector<OtherModel>& paper_others() {
  static const std::vector<OtherModel> all = {
      {"ResNet-152",
       "58.35",
       "resnet152",
       100,
       "all parameters",
       "from rank 16 on they fall below the line of ranks 2 to 16",
       {{64, "6.78", 0, "5", ""},
        {32, "3.64", 0, "5", ""},
        {16, "1.98", 0, "5", ""},
        {8, "1.01", 0, "5", ""},
        {4, "0.54", 0, "5", ""},
        {2, "0.30", 0, "5", ""}},
       {{0, "58.3", 0, "2", ""}, {64, "6.77", 0, "2", ""}}},
      {"EfficientNet-B1",
       "7.79",
       "efficientnet_b1",
       1000,
       "all parameters",
       "no set of its layers gives all six values",
       {{64, "2.14", 0, "5", ""},
        {32, "1.13", 0, "5", ""},
        {16, "0.60", 0, "5", ""},
        {8, "0.31", 0, "5", ""},
        {4, "0.17", 0, "5", ""},
        {2, "0.09", 0, "5", ""}}},
      {"Faster R-CNN",
       "41.53",
       "fasterrcnn_resnet50_fpn",
       91,
       "parameters that its package trains, without stem and stage 1",
       "they grow by 34.5 M from rank 2 to 64, adapters of every layer by 7.2 M",
       {{64, "38.42", 0, "6", ""},
        {32, "30.36", 0, "6", ""},
        {16, "16.24", 0, "6", ""},
        {8, "9.18", 0, "6", ""},
        {4, "5.65", 0, "6", ""},
        {2, "3.88", 0, "6", ""}}},
      {"U-Net",
       "24.44",
       "unet_resnet34",
       1,
       "all parameters",
       "they grow by 18.1 M from rank 2 to 64, adapters of every layer by 5.7 M",
       {{64, "20.12", 0, "7", ""},
        {32, "16.06", 0, "7", ""},
        {16, "12.03", 0, "7", ""},
        {8, "8.02", 0, "7", ""},
        {4, "4.01", 0, "7", ""},
        {2, "2.00", 0, "7", ""}}},
      {"DeepLabV3+",
       "58.63",
       "deeplabv3_resnet101",
       21,
       "all parameters of DeepLabV3, not V3+",
       "they grow by 44.1 M from rank 2 to 64, adapters of every layer by 14.4 M",
       {{64, "47.19", 0, "7", ""},
        {32, "35.75", 0, "7", ""},
        {16, "24.38", 0, "7", ""},
        {8, "12.19", 0, "7", ""},
        {4, "6.09", 0, "7", ""},
        {2, "3.05", 0, "7", ""}}}};
  return all;
}

namespace {

template <typename Model>
std::optional<PaperPrint> print_of(const std::vector<Model>& models,
                                   std::string_view table,
                                   std::string_view name,
                                   std::int64_t rank,
                                   bool has_rule) {
  const auto model = std::ranges::find(models, name, &Model::name);
  if (model == models.end()) {
    return std::nullopt;
  }
  const auto cell_in = [&](const std::vector<PaperCell>& cells,
                           std::string_view wanted) -> std::optional<PaperPrint> {
    const auto cell = std::ranges::find_if(
        cells, [&](const PaperCell& one) { return one.rank == rank && one.table == wanted; });
    return cell == cells.end() ? std::nullopt
                               : std::optional(PaperPrint{*cell, model->classes, has_rule});
  };
  const auto exact = cell_in(model->elsewhere, table);
  if (const auto own = exact ? exact : cell_in(model->cells, table)) {
    return own;
  }
  // Tables 2, 3 and 4 repeat cells of 5, 6 and 7.
  const std::string_view whole = table == "2"   ? "5"
                                 : table == "3" ? "6"
                                 : table == "4" ? "7"
                                                : table;
  return rank == 0 ? PaperPrint{{0, model->millions, 0, whole, ""}, model->classes, has_rule}
                   : cell_in(model->cells, whole);
}

}  // namespace

std::optional<PaperPrint> paper_print(std::string_view table,
                                      std::string_view model,
                                      std::int64_t rank) {
  const auto by_rule = print_of(paper_models(), table, model, rank, true);
  return by_rule ? by_rule : print_of(paper_others(), table, model, rank, false);
}

}  // namespace lorae::apps
