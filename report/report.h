#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "report/comparison.h"

namespace lorae::report {

/// Uplink bytes of one layer, stage by stage: the first is raw, as float32, the last is what is
/// sent. Units: bytes, of whatever is comparable between the layers.
struct LayerBytes {
  std::string layer;
  std::vector<std::pair<std::string, double>> stages;
};

/// An evaluated round of a run. Units: framed bytes of all clients so far, without the backbone.
struct MetricPoint {
  RoundId round = {};
  double metric = 0;  ///< the main metric
  double uplink_bytes = 0;
  double total_bytes = 0;  ///< both directions
};

/// The curves of one run; runs of one name (its seeds) share a colour.
struct ReportRun {
  std::string name;
  std::string method;
  std::uint64_t seed = 0;
  std::string main_metric;  ///< of its points; "" if nothing was measured
  std::vector<MetricPoint> points;
  std::vector<LayerBytes> layers;
  double framed_per_client_round = 0;  ///< uplink bytes with everything around the payload
};

/// How many examples of each class one client holds.
struct ClientClasses {
  std::string client;
  std::vector<std::int64_t> count_per_class;
};

struct Report {
  std::string title;
  std::vector<std::string> subtitle;  ///< lines below the title
  Comparison comparison;
  std::vector<ReportRun> runs;
  std::vector<ClientClasses> clients;
  std::vector<std::string> class_names;
};

/// One self-contained HTML page: no scripts, no references to anything outside. Sections whose
/// data is missing are left out.
std::string report_html(const Report& report);

/// Errors: kUnavailable if the file cannot be written.
void write_report(const std::filesystem::path& path, const Report& report);

/// A picture of the comparison alone: uplink bytes and main metric of each run name.
std::string comparison_svg(const Comparison& comparison);

/// Errors: kUnavailable if the file cannot be written.
void write_comparison_svg(const std::filesystem::path& path, const Comparison& comparison);

}  // namespace lorae::report
