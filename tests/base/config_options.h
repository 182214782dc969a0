#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/config_reader.h"
#include "tests/base/support.h"

namespace lorae {

/// One field of every kind.
struct EveryKind {
  bool fast = false;
  std::int64_t count = 3;
  std::uint64_t seed = 1;
  double rate = 0.5;
  std::string note = "none";
  std::string kind = "fedavg";
  std::vector<std::int64_t> labels = {0, 1};
  std::vector<std::string> classes = {};
  ByteCount most = {};

  bool operator==(const EveryKind&) const = default;
};

template <typename Visitor>
void visit_fields(EveryKind& options, Visitor&& visit) {
  visit("fast", options.fast, anything(), "skip the checks");
  visit("count", options.count, between(1, 10), "of things");
  visit("seed", options.seed, anything(), "");
  visit("rate", options.rate, at_least(0), "per second");
  visit("note", options.note, anything(), "for people");
  visit("kind", options.kind, one_of({"fedavg", "lorae"}), "of method");
  visit("labels", options.labels, between(0, 9), "to keep");
  visit("classes", options.classes, anything(), "by name");
  visit("most", options.most, between(0, 1e6), "to send");
}

struct NamedMethod {
  std::string name;
  std::int64_t rank = 8;

  bool operator==(const NamedMethod&) const = default;
};

template <typename Visitor>
void visit_fields(NamedMethod& options, Visitor&& visit) {
  visit("name", options.name, anything(), "");
  visit("rank", options.rank, at_least(1), "");
}

inline ConfigReader config(std::string_view toml) {
  return ConfigReader::parse(toml, "run.toml");
}

/// Reads [job] and finishes.
inline EveryKind read_job(ConfigReader reader) {
  EveryKind job;
  reader.read("job", job);
  reader.finish();
  return job;
}

/// What a person reads who wrote `line` as the second line of a file, below [job].
inline std::string complaint(const std::string& line) {
  return config_error([&] { read_job(config("[job]\n" + line)); });
}

}  // namespace lorae
