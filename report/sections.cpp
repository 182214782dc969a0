#include "report/sections.h"

#include <algorithm>
#include <limits>
#include <map>

#include "base/str.h"
#include "codec/chain.h"
#include "report/text.h"

namespace lorae::report {
namespace {

using runs::Direction;

constexpr std::size_t kMostLayers = 28;
constexpr std::size_t kMostClientsWithClasses = 1000;

/// Bytes of a layer after each stage of `codec::kStages`, per client and round.
struct Layer {
  std::string name;
  std::vector<double> stages;
};

/// The layers in their order by name. One without a stage counts there with what it had before.
std::vector<Layer> layers_of(const RunRecord& run, Direction direction) {
  std::map<std::string, std::map<std::string, double>> sums;
  for (const runs::LedgerRow& row : run.ledger) {
    if (row.direction == direction && !row.layer.starts_with('(')) {
      sums[row.layer][row.stage] += static_cast<double>(row.bytes) / run.client_rounds();
    }
  }
  std::vector<Layer> layers;
  for (const auto& [name, bytes] : sums) {
    Layer& layer = layers.emplace_back(Layer{.name = name, .stages = {}});
    double last = 0;
    for (const std::string_view stage : codec::kStages) {
      const auto found = bytes.find(std::string(stage));
      last = found == bytes.end() ? last : found->second;
      layer.stages.push_back(last);
    }
  }
  return layers;
}

/// The largest ones in their order, then the sum of the others.
std::vector<Layer> shortened(std::vector<Layer> layers) {
  if (layers.size() <= kMostLayers) {
    return layers;
  }
  std::vector<double> sizes;
  sizes.reserve(layers.size());
  for (const Layer& layer : layers) {
    sizes.push_back(layer.stages.front());
  }
  std::ranges::sort(sizes, std::greater<>());
  const double least = sizes.at(kMostLayers - 2);
  std::vector<Layer> kept;
  Layer rest{.name = {}, .stages = std::vector<double>(codec::kStages.size(), 0.0)};
  std::size_t left = 0;
  for (Layer& layer : layers) {
    if (layer.stages.front() >= least && kept.size() < kMostLayers - 1) {
      kept.push_back(std::move(layer));
      continue;
    }
    ++left;
    for (std::size_t i = 0; i < rest.stages.size(); ++i) {
      rest.stages[i] += layer.stages[i];
    }
  }
  rest.name = str(left, " smaller layers");
  kept.push_back(std::move(rest));
  return kept;
}

Chart layers_chart(const std::string& name, const RunRecord& run, Direction direction) {
  const std::string way(runs::direction_name(direction));
  Chart chart{.title = str(name, ", ", way, ": bytes by layer and stage"),
              .tab = str(name, " ", way),
              .x = bytes_axis("")};
  chart.x.log = false;
  chart.x.from_zero = true;
  const std::vector<Layer> all = layers_of(run, direction);
  std::vector<double> sums(codec::kStages.size(), 0.0);
  for (const Layer& layer : all) {
    for (std::size_t i = 0; i < sums.size(); ++i) {
      sums[i] += layer.stages[i];
    }
  }
  for (const std::string_view stage : codec::kStages) {
    chart.series.push_back({.name = std::string(stage)});
  }
  for (const Layer& layer : shortened(all)) {
    chart.labels.push_back(layer.name);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      chart.series[i].values.push_back(layer.stages[i]);
    }
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    chart.note +=
        str(i == 0 ? "All layers: " : ", ", codec::kStages.at(i), " ", bytes_text(sums[i]));
  }
  if (!all.empty() && sums.back() > 0) {
    chart.note += str(" (", times_text(sums.front() / sums.back()), " times less).");
  }
  return chart;
}

Table ledger_table(const std::vector<NamedRun>& runs) {
  Table table{.title = "Ledger by layer, direction and stage",
              .note =
                  "Bytes of the whole run, of all clients. \"framed\" is what a process hands to "
                  "its socket, \"sent\" what a connection carries: encrypted, without TCP's "
                  "headers. (model), (update), (control), (heartbeat) and (backbone) are whole "
                  "messages, (connection) is handshakes.",
              .columns = {{"method", Unit::kText},
                          {"direction", Unit::kText},
                          {"layer", Unit::kText},
                          {"stage", Unit::kText},
                          {"bytes", Unit::kBytes},
                          {"per client and round", Unit::kBytes}},
              .open = false};
  for (const auto& [name, run] : runs) {
    for (const runs::LedgerRow& row : run->ledger) {
      const auto bytes = static_cast<double>(row.bytes);
      table.rows.push_back({name, std::string(runs::direction_name(row.direction)), row.layer,
                            row.stage, bytes, bytes / run->client_rounds()});
    }
  }
  return table;
}

std::string class_name(const RunRecord& run, std::size_t i) {
  return i < run.class_names.size() ? run.class_names[i] : str("class ", i);
}

}  // namespace

Axis bytes_axis(std::string label) {
  return {.label = std::move(label), .unit = Unit::kBytes, .log = true, .can_switch = true};
}

Axis rounds_axis() {
  return {.label = "round", .unit = Unit::kCount};
}

Axis metric_axis(const std::string& name) {
  return {.label = name, .unit = unit_of_metric(name), .can_switch = true};
}

Section layers_section(const std::vector<NamedRun>& runs) {
  Section section{.title = "Bytes by layer and stage",
                  .note =
                      "Per client and round: raw float32 values, quantised, and coded as they lie "
                      "in the payload.",
                  .tables = {ledger_table(runs)},
                  .tabs = true};
  for (const auto& [name, run] : runs) {
    for (const Direction direction : {Direction::kUplink, Direction::kDownlink}) {
      section.charts.push_back(layers_chart(name, *run, direction));
    }
  }
  return section;
}

Section classes_section(const RunRecord& run) {
  std::size_t classes = 0;
  for (const ClientRecord& client : run.clients) {
    classes = std::max(classes, client.examples.size());
  }
  Chart chart{.title = "Examples by client and class",
              .y = {.label = "examples", .unit = Unit::kCount, .from_zero = true},
              .upright = true,
              .stacked = true};
  Table table{.title = "Examples by client and class",
              .columns = {{"client", Unit::kText}},
              .open = false,
              .heat = true};
  for (std::size_t i = 0; i < classes; ++i) {
    chart.series.push_back({.name = class_name(run, i)});
    table.columns.push_back({class_name(run, i), Unit::kCount});
  }
  for (const ClientRecord& client : run.clients) {
    if (client.examples.empty() || table.rows.size() == kMostClientsWithClasses) {
      continue;
    }
    chart.labels.push_back(client.name);
    std::vector<Cell>& row = table.rows.emplace_back();
    row.emplace_back(client.name);
    for (std::size_t i = 0; i < classes; ++i) {
      const std::int64_t count = i < client.examples.size() ? client.examples[i] : 0;
      chart.series[i].values.push_back(static_cast<double>(count));
      row.emplace_back(count);
    }
  }
  Section section{.title = "Who holds which classes"};
  if (const auto skew = skew_of(run)) {
    section.note =
        str("Skew ", fixed_text(*skew, 3),
            ": how far a client's mix of classes is from that of all, half the sum of the "
            "differences, in the mean; 0 if all have the same, near 1 if each has "
            "classes of its own.");
  }
  section.charts = {std::move(chart)};
  section.tables = {std::move(table)};
  return section;
}

Table clients_table(const RunRecord& run) {
  Table table{
      .title = "Clients",
      .note =
          "Rounds that a client was asked in and reported in; framed bytes over the run; what it "
          "measured in its last update.",
      .columns = {{"client", Unit::kText},
                  {"asked", Unit::kCount},
                  {"reported", Unit::kCount},
                  {"examples", Unit::kCount},
                  {"uplink", Unit::kBytes},
                  {"downlink", Unit::kBytes},
                  {"backbone", Unit::kBytes}},
      .open = run.clients.size() <= 12};
  const std::size_t own_columns = table.columns.size();
  for (const ClientRecord& client : run.clients) {
    for (const auto& [name, value] : client.metrics) {
      if (std::ranges::find(table.columns, name, &Column::name) == table.columns.end()) {
        table.columns.push_back({name, unit_of_metric(name)});
      }
    }
  }
  for (const ClientRecord& client : run.clients) {
    std::int64_t examples = 0;
    for (const std::int64_t count : client.examples) {
      examples += count;
    }
    table.rows.push_back({client.name, client.asked, client.reported,
                          client.examples.empty() ? Cell() : Cell(examples), client.uplink_bytes,
                          client.downlink_bytes, client.backbone_bytes});
    for (std::size_t i = own_columns; i < table.columns.size(); ++i) {
      table.rows.back().emplace_back(
          client.metrics.find(table.columns[i].name).value_or(std::nan("")));
    }
  }
  drop_empty_columns(table);
  return table;
}

}  // namespace lorae::report
