#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "report/comparison.h"

namespace lorae::report {

/// Uplink bytes of one layer. Units: bytes, of whatever is comparable between the layers.
struct LayerBytes {
  std::string layer;
  double raw = 0;      ///< as float32
  double encoded = 0;  ///< as sent
};

/// The curves of one run; runs of one name (its seeds) share a colour.
struct ReportRun {
  std::string name;
  std::string method;
  std::uint64_t seed = 0;
  std::vector<std::pair<RoundId, double>> accuracy;             ///< fraction 0 to 1
  std::vector<std::pair<double, double>> accuracy_over_uplink;  ///< bytes of all clients so far
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

/// A picture of the comparison alone: uplink bytes and accuracy of each run name.
std::string comparison_svg(const Comparison& comparison);

/// Errors: kUnavailable if the file cannot be written.
void write_comparison_svg(const std::filesystem::path& path, const Comparison& comparison);

}  // namespace lorae::report
