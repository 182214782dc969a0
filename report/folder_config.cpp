#include "report/folder_config.h"

#include <fmt/format.h>

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
};
template <typename Visitor>
void visit_fields(Data& data, Visitor&& visit) {
  visit("path", data.path, anything(), "");
  visit("partition", data.partition, anything(), "");
  visit("dirichlet_alpha", data.dirichlet_alpha, anything(), "");
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

}  // namespace

std::string FolderConfig::data_name() const {
  const std::filesystem::path folder(data);
  return (folder.has_filename() ? folder : folder.parent_path()).filename().string();
}

std::string FolderConfig::text_of_runs() const {
  const std::size_t begin = text.find("[simulation]\n");
  const std::size_t end = begin == std::string::npos ? begin : text.find("\n[", begin);
  return text.substr(0, begin) + (end == std::string::npos ? "" : text.substr(end));
}

std::string FolderConfig::summary() const {
  return str(model, " on ", data_name(), ", ", clients, " clients, ", cohort, " per round, ",
             rounds, " rounds, ", partition);
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
  config.partition = data.partition == "dirichlet"
                         ? fmt::format("{} {}", data.partition, data.dirichlet_alpha)
                         : data.partition;
  config.clients = federation.clients;
  config.cohort = federation.cohort == 0 ? federation.clients : federation.cohort;
  config.rounds = federation.rounds;
  config.stop = federation.stop;
  config.seeds = simulation.seeds;
  config.baseline = simulation.baseline;
  return config;
}

}  // namespace lorae::report
