#include <algorithm>
#include <cmath>
#include <functional>

#include "base/str.h"
#include "report/charts.h"
#include "report/svg.h"
#include "report/text.h"

namespace lorae::report {
namespace {

using Anchor = Canvas::Anchor;

constexpr double kWidth = 680;

double first_stage(const LayerBytes& layer) {
  return layer.stages.front().second;
}

double last_stage(const LayerBytes& layer) {
  return layer.stages.back().second;
}

bool is_drawable(const LayerBytes& layer) {
  return !layer.stages.empty() && std::isfinite(first_stage(layer)) &&
         std::isfinite(last_stage(layer));
}

/// The largest layers in their order, and one row for the sum of the others.
std::vector<LayerBytes> readable(std::vector<LayerBytes> layers) {
  constexpr std::size_t kMost = 28;
  std::erase_if(layers, [](const LayerBytes& layer) { return !is_drawable(layer); });
  if (layers.size() <= kMost) {
    return layers;
  }
  std::vector<double> sizes;
  sizes.reserve(layers.size());
  for (const LayerBytes& layer : layers) {
    sizes.push_back(first_stage(layer));
  }
  std::nth_element(sizes.begin(), sizes.begin() + kMost - 1, sizes.end(), std::greater<>());
  const double smallest = sizes[kMost - 1];
  std::vector<LayerBytes> rows;
  std::vector<LayerBytes> others;
  for (const LayerBytes& layer : layers) {
    const bool large = first_stage(layer) >= smallest && rows.size() < kMost;
    (large ? rows : others).push_back(layer);
  }
  rows.push_back(sum_of(others, str(others.size(), " smaller layers")));
  return rows;
}

/// The table of a class map: how many rows and columns are shown, and where.
struct Grid {
  static constexpr std::size_t kMost = 100;
  static constexpr double kName = 120;
  static constexpr double kHead = 84;

  Grid(std::size_t clients, std::size_t classes)
      : rows(std::min(clients, kMost)),
        columns(std::min(classes, kMost)),
        width(std::min(48.0, (kWidth - kName - 20) / static_cast<double>(columns))),
        height(rows <= 24 ? 22 : 11) {}

  double x(std::size_t column) const { return kName + width * static_cast<double>(column); }
  double y(std::size_t row) const { return kHead + height * static_cast<double>(row); }
  bool roomy() const { return height > 20; }

  std::size_t rows;
  std::size_t columns;
  double width;
  double height;
};

std::string class_name(const std::vector<std::string>& names, std::size_t index) {
  return index < names.size() ? names[index] : std::to_string(index);
}

void draw_client(Canvas& canvas,
                 const Grid& grid,
                 std::size_t row,
                 const ClientClasses& client,
                 const std::vector<std::string>& names,
                 std::int64_t most) {
  canvas.text(Grid::kName - 8, grid.y(row) + grid.height - (grid.roomy() ? 7 : 2),
              shorten(client.client, 16), Anchor::kEnd, grid.roomy() ? "" : "small");
  const double gap = grid.width > 6 ? 1 : 0;
  for (std::size_t i = 0; i < grid.columns; ++i) {
    const std::int64_t count = i < client.count_per_class.size() ? client.count_per_class[i] : 0;
    // The root spreads the small counts, which are the interesting ones.
    const double share = std::sqrt(static_cast<double>(std::max<std::int64_t>(count, 0)) /
                                   static_cast<double>(most));
    const std::string title =
        str(client.client, ", ", class_name(names, i), ": ", count_text(count), " examples");
    canvas.rectangle(grid.x(i), grid.y(row), grid.width - gap, grid.height - gap,
                     count > 0 ? "heat" : "empty", count > 0 ? 0.08 + 0.92 * share : 1, title);
    if (grid.roomy() && grid.width >= 40 && count > 0) {
      canvas.text(grid.x(i) + grid.width / 2, grid.y(row) + grid.height - 7, count_text(count),
                  Anchor::kMiddle, share > 0.6 ? "small on-heat" : "small");
    }
  }
}

void draw_scale(Canvas& canvas, double y, std::int64_t most) {
  constexpr int kSteps = 5;
  canvas.text(Grid::kName, y + 11, "1", Anchor::kStart, "soft");
  for (int i = 0; i < kSteps; ++i) {
    canvas.rectangle(Grid::kName + 14 + 22 * i, y, 22, 14, "heat", 0.08 + 0.92 * i / (kSteps - 1));
  }
  canvas.text(Grid::kName + 22 + 22 * kSteps, y + 11, count_text(most) + " examples",
              Anchor::kStart, "soft");
}

/// Stage names in an order that every layer's keeps.
std::vector<std::string> stage_names(const std::vector<LayerBytes>& layers) {
  std::vector<std::string> names;
  for (const LayerBytes& layer : layers) {
    auto place = names.begin();
    for (const auto& [name, bytes] : layer.stages) {
      const auto known = std::find(names.begin(), names.end(), name);
      place = (known != names.end() ? known : names.insert(place, name)) + 1;
    }
  }
  return names;
}

}  // namespace

LayerBytes sum_of(const std::vector<LayerBytes>& layers, const std::string& name) {
  LayerBytes sum{.layer = name, .stages = {}};
  for (const std::string& stage : stage_names(layers)) {
    sum.stages.emplace_back(stage, 0);
  }
  for (const LayerBytes& layer : layers) {
    double bytes = layer.stages.empty() ? 0 : first_stage(layer);
    for (auto& [stage, total] : sum.stages) {
      for (const auto& [own, own_bytes] : layer.stages) {
        bytes = own == stage ? own_bytes : bytes;
      }
      total += bytes;
    }
  }
  return sum;
}

std::string layer_bars(const std::string& label, const std::vector<LayerBytes>& layers, int color) {
  constexpr double kName = 210;
  constexpr double kValue = 64;
  constexpr double kRow = 24;
  const std::vector<LayerBytes> rows = readable(layers);
  double most = 0;
  for (const LayerBytes& row : rows) {
    most = std::max({most, first_stage(row), last_stage(row)});
  }
  if (!(most > 0)) {
    return "";
  }
  const std::vector<double> ticks = linear_ticks(0, most, 4);
  const double scale = (kWidth - kName - kValue) / ticks.back();
  const double floor = 4 + kRow * static_cast<double>(rows.size());
  Canvas canvas(kWidth, floor + 44, label);
  for (const double tick : ticks) {
    canvas.line(kName + scale * tick, 0, kName + scale * tick, floor, "rule");
    canvas.text(kName + scale * tick, floor + 16, tick_bytes_text(tick), Anchor::kMiddle, "soft");
  }
  canvas.text(kName + scale * ticks.back() / 2, floor + 36, "uplink (bytes)", Anchor::kMiddle,
              "soft");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const LayerBytes& row = rows[i];
    const double y = 4 + kRow * static_cast<double>(i);
    const std::string title = row.layer + ": " + stages_text(row);
    const double first = scale * first_stage(row);
    const double last = scale * last_stage(row);
    canvas.text(kName - 8, y + 14, shorten(row.layer, 30), Anchor::kEnd);
    canvas.rectangle(kName, y + 2, first, 8, "raw", 1, title);
    canvas.rectangle(kName, y + 11, last, 8, fill_class(color), 1, title);
    canvas.text(kName + std::max(first, last) + 6, y + 15, bytes_text(last_stage(row)),
                Anchor::kStart, "small soft");
  }
  return canvas.inline_svg();
}

std::string class_map(const std::vector<ClientClasses>& clients,
                      const std::vector<std::string>& class_names) {
  std::size_t classes = class_names.size();
  std::int64_t most = 0;
  for (const ClientClasses& client : clients) {
    classes = std::max(classes, client.count_per_class.size());
    for (const std::int64_t count : client.count_per_class) {
      most = std::max(most, count);
    }
  }
  if (most == 0) {
    return "";
  }
  const Grid grid(clients.size(), classes);
  const double bottom = grid.y(grid.rows);
  Canvas canvas(kWidth, bottom + 54, "Examples of each class at each client");
  for (std::size_t i = 0; i < grid.columns; ++i) {
    if (grid.width >= 14 || i % 10 == 0) {
      canvas.slanted_text(grid.x(i) + grid.width / 2, Grid::kHead - 6,
                          shorten(class_name(class_names, i), 12));
    }
  }
  for (std::size_t i = 0; i < grid.rows; ++i) {
    draw_client(canvas, grid, i, clients[i], class_names, most);
  }
  draw_scale(canvas, bottom + 10, most);
  if (grid.rows < clients.size() || grid.columns < classes) {
    canvas.text(Grid::kName, bottom + 46,
                str("shown: ", grid.rows, " of ", clients.size(), " clients, ", grid.columns,
                    " of ", classes, " classes"),
                Anchor::kStart, "soft");
  }
  return canvas.inline_svg();
}

}  // namespace lorae::report
