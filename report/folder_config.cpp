#include "report/folder_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "base/atomic_file.h"
#include "base/config_reader.h"
#include "base/str.h"

namespace lorae::report {

template <typename Visitor>
void visit_fields(FolderConfig::Method& method, Visitor&& visit) {
  visit("name", method.name, anything(), "");
  visit("kind", method.kind, anything(), "");
}

template <typename Visitor>
void visit_fields(FolderConfig::Training& training, Visitor&& visit) {
  visit("kind", training.kind, anything(), "");
  visit("rank", training.rank, anything(), "");
  visit("epochs", training.epochs, anything(), "");
}

namespace {

// The keys that a page needs. The rooms above know them all, with LibTorch.

struct Model {
  std::string name;
};
template <typename Visitor>
void visit_fields(Model& model, Visitor&& visit) {
  visit("name", model.name, anything(), "");
}

struct Data {
  std::string path;
  std::string partition;
  double dirichlet_alpha = 0;
  std::int64_t shards = 0;

  /// With what it depends on.
  std::string partition_text() const {
    return partition.starts_with("dirichlet") || partition == "quantity"
               ? fmt::format("{} {}", partition, dirichlet_alpha)
           : partition == "shards" ? fmt::format("{} {}", partition, shards)
                                   : partition;
  }
};
template <typename Visitor>
void visit_fields(Data& data, Visitor&& visit) {
  visit("path", data.path, anything(), "");
  visit("partition", data.partition, anything(), "");
  visit("dirichlet_alpha", data.dirichlet_alpha, anything(), "");
  visit("shards", data.shards, anything(), "");
}

struct Top {
  std::string data;  // of a training, which has no [data]
};
template <typename Visitor>
void visit_fields(Top& top, Visitor&& visit) {
  visit("data", top.data, anything(), "");
}

struct Federation {
  std::int64_t rounds = 0;
  std::int64_t clients = 0;
  std::int64_t cohort = 0;
  std::int64_t stop = 0;
};
template <typename Visitor>
void visit_fields(Federation& federation, Visitor&& visit) {
  visit("rounds", federation.rounds, anything(), "");
  visit("clients", federation.clients, anything(), "");
  visit("cohort", federation.cohort, anything(), "");
  visit("stop", federation.stop, anything(), "");
}

struct Simulation {
  std::vector<std::int64_t> seeds = {0};
  std::string baseline = "full";
};
template <typename Visitor>
void visit_fields(Simulation& simulation, Visitor&& visit) {
  visit("seeds", simulation.seeds, anything(), "");
  visit("baseline", simulation.baseline, anything(), "");
}

std::string name_of_folder(const std::string& path) {
  const std::filesystem::path folder(path);
  return (folder.has_filename() ? folder : folder.parent_path()).filename().string();
}

}  // namespace

std::string FolderConfig::data_name() const {
  return name_of_folder(data);
}

std::string FolderConfig::text_of_runs() const {
  // Of the first lines, [network] and [simulation]; what else they hold is part of what a run is.
  constexpr std::array<std::string_view, 2> kAnywhere = {"device = ", "deterministic = "};
  constexpr std::array<std::string_view, 2> kKept = {"lose = ", "rank_max = "};
  const auto begins = [](std::string_view line, const auto& keys) {
    return std::ranges::any_of(keys, [&](std::string_view key) { return line.starts_with(key); });
  };
  std::string kept, section;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('[')) {
      section = line;
    }
    const bool operating = section.empty()             ? begins(line, kAnywhere)
                           : section == "[network]"    ? true
                           : section == "[simulation]" ? !begins(line, kKept)
                                                       : false;
    if (!operating) {
      kept += str(line, '\n');
    }
  }
  return kept;
}

std::string FolderConfig::summary() const {
  const std::string size = str(clients, " clients, ", cohort, " per round, ", rounds, " rounds");
  const bool alike = std::ranges::all_of(methods, [&](const Method& method) {
    return method.model == model && method.data == data && method.partition == partition;
  });
  if (alike) {
    return str(model, " on ", data_name(), ", ", size, ", ", partition);
  }
  std::string all = size;
  for (const Method& method : methods) {
    all += str("; ", method.name, ": ", method.model, " on ", name_of_folder(method.data), ", ",
               method.partition);
  }
  return all;
}

FolderConfig read_folder_config(const std::filesystem::path& file) {
  FolderConfig config;
  config.text = text_of(read_file(file));
  ConfigReader reader = ConfigReader::parse(config.text, file.string());
  Model model;
  Data data;
  Top top;
  Federation federation;
  Simulation simulation;
  reader.read("model", model);
  reader.read("data", data);
  reader.read("", top);
  reader.read("train", config.training);
  reader.read("federation", federation);
  reader.read("simulation", simulation);
  reader.read_list("methods", config.methods);
  config.model = model.name;
  config.data = data.path.empty() ? top.data : data.path;
  config.partition = data.partition_text();
  for (std::size_t i = 0; i < config.methods.size(); ++i) {
    Model own_model = model;
    Data own_data = data;
    reader.read(str("methods.", i, ".model"), own_model);
    reader.read(str("methods.", i, ".data"), own_data);
    FolderConfig::Method& method = config.methods[i];
    method.model = own_model.name;
    method.data = own_data.path.empty() ? top.data : own_data.path;
    method.partition = own_data.partition_text();
  }
  config.clients = federation.clients;
  config.cohort = federation.cohort == 0 ? federation.clients : federation.cohort;
  config.rounds = federation.rounds;
  config.stop = federation.stop;
  config.seeds = simulation.seeds;
  config.baseline = simulation.baseline;
  return config;
}

}  // namespace lorae::report
