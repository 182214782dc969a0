#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lorae {

/// Measured numbers by name; the first one is the main one, by which models are compared.
///
/// Names: "top1", "top5", "map50_95", "map50", "mask_map50_95", parts of a loss as "loss/box".
/// Units: fractions of 1, losses as they are. What was not measured is not there.
class Metrics {
 public:
  using Entry = std::pair<std::string, double>;

  Metrics() = default;
  Metrics(std::initializer_list<Entry> entries) : entries_(entries) {}

  /// Adds behind the others, or replaces a value of that name where it stands.
  void set(std::string name, double value) {
    for (Entry& entry : entries_) {
      if (entry.first == name) {
        entry.second = value;
        return;
      }
    }
    entries_.emplace_back(std::move(name), value);
  }

  std::optional<double> find(std::string_view name) const {
    for (const auto& [known, value] : entries_) {
      if (known == name) {
        return value;
      }
    }
    return std::nullopt;
  }

  /// The first one's name; empty if there is none.
  std::string main_name() const { return empty() ? std::string{} : entries_.front().first; }

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }

  bool operator==(const Metrics&) const = default;

 private:
  std::vector<Entry> entries_;
};

}  // namespace lorae
