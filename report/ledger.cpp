#include "report/ledger.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "base/error.h"
#include "base/text.h"
#include "codec/chain.h"
#include "runs/journal.h"
#include "runs/run_directory.h"

namespace lorae::report {
namespace {

using runs::Direction;
using runs::LedgerSum;

constexpr std::array<std::string_view, 5> kKeys = {"layer", "stage", "direction", "round",
                                                   "client"};
constexpr const char* kFraming = "(framing)";

bool is_message(const std::string& layer) {
  return layer.starts_with('(');
}

/// Messages that hold a state or an update.
bool holds_layers(const std::string& layer) {
  return layer == runs::kLayerUpdate || layer == runs::kLayerModel;
}

class Builder {
 public:
  Builder(const runs::Journal& journal, const LedgerOptions& options)
      : options_(options),
        sums_(journal.ledger(asks("round"), asks("client"))),
        parameters_(number(journal.meta(runs::kTotalKey).value_or(""))) {
    for (const LedgerSum& sum : sums_) {
      if (!is_message(sum.layer)) {
        raw_[sum.direction] += sum.stage == codec::kStageRaw ? sum.bytes : 0;
        coded_[sum.direction] += sum.stage == codec::kStageCoded ? sum.bytes : 0;
      }
    }
  }

  std::vector<LedgerRow> rows() {
    for (const LedgerSum& sum : sums_) {
      if (asks("stage")) {
        add(sum, sum.layer, sum.bytes);
      } else if (sum.stage == runs::kStageFramed) {
        const bool framing = asks("layer") && holds_layers(sum.layer);
        add(sum, framing ? kFraming : sum.layer, sum.bytes);
      } else if (asks("layer") && sum.stage == codec::kStageCoded) {
        add(sum, sum.layer, sum.bytes);
        add(sum, kFraming, -sum.bytes);  // it is in the messages' framed bytes
      }
    }
    std::vector<LedgerRow> rows;
    for (auto& [key, row] : rows_) {
      rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  bool asks(std::string_view key) const {
    return std::ranges::find(options_.by, key) != options_.by.end();
  }

  static std::int64_t number(const std::string& text) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }

  std::string value_of(const std::string& key,
                       const LedgerSum& sum,
                       const std::string& layer) const {
    return key == "layer"       ? layer
           : key == "stage"     ? sum.stage
           : key == "direction" ? std::string(runs::direction_name(sum.direction))
           : key == "round"     ? std::to_string(sum.round.value)
                                : sum.client.name;
  }

  /// What full-parameter training would have sent in place of these entries; nullopt: nothing, or
  /// nobody knows.
  std::optional<std::int64_t> full(const LedgerSum& sum, const std::string& layer) const {
    constexpr std::int64_t kFloat = 4;
    if (asks("layer") && !is_message(layer)) {
      const auto known = options_.full_layers.find(layer);
      return known == options_.full_layers.end()
                 ? std::nullopt
                 : std::optional(kFloat * known->second * sum.messages);
    }
    const bool whole = !asks("layer") && holds_layers(sum.layer) && parameters_ > 0;
    return whole ? std::optional(kFloat * parameters_ * sum.messages) : std::nullopt;
  }

  void add(const LedgerSum& sum, const std::string& layer, std::int64_t bytes) {
    std::vector<std::string> keys;
    for (const std::string& key : options_.by) {
      keys.push_back(value_of(key, sum, layer));
    }
    LedgerRow& row =
        rows_[{asks("round") ? sum.round.value : 0, asks("client") ? sum.client.name : "",
               asks("direction") ? static_cast<int>(sum.direction) : 0, asks("layer") ? layer : "",
               asks("stage") ? sum.stage : ""}];
    row.keys = std::move(keys);
    row.bytes += bytes;
    if (const auto whole = bytes > 0 ? full(sum, layer) : std::nullopt) {
      row.full_bytes = row.full_bytes.value_or(0) + *whole;
      const std::int64_t raw = raw_[sum.direction];
      if (raw > 0) {
        const double share = static_cast<double>(coded_[sum.direction]) / static_cast<double>(raw);
        row.full_coded_bytes =
            row.full_coded_bytes.value_or(0) + std::llround(static_cast<double>(*whole) * share);
      }
    }
  }

  const LedgerOptions& options_;
  std::vector<LedgerSum> sums_;
  std::int64_t parameters_;
  std::map<Direction, std::int64_t> raw_, coded_;
  std::map<std::tuple<std::uint64_t, std::string, int, std::string, std::string>, LedgerRow> rows_;
};

void check_keys(const std::vector<std::string>& by) {
  std::set<std::string> seen;
  const std::vector<std::string> known(kKeys.begin(), kKeys.end());
  for (const std::string& key : by) {
    check(std::ranges::find(kKeys, key) != kKeys.end(), ErrorCode::kInvalidConfig,
          "[ledger] --by: no key '", key, "': expected some of ", join(known));
    check(seen.insert(key).second, ErrorCode::kInvalidConfig, "[ledger] --by: '", key,
          "' comes twice");
  }
}

}  // namespace

std::vector<std::string_view> ledger_keys() {
  return {kKeys.begin(), kKeys.end()};
}

std::vector<LedgerRow> read_ledger(const std::filesystem::path& run, const LedgerOptions& options) {
  check_keys(options.by);
  const auto file = runs::RunDirectory::journal_of(run);
  check(std::filesystem::exists(file), ErrorCode::kInvalidConfig, "[ledger] '", run.string(),
        "' holds no run: expected HOME/runs/... of a coordinator, or OUT/runs/METHOD-seedN of a "
        "simulation");
  return Builder(runs::Journal(file, runs::Journal::Mode::kRead), options).rows();
}

std::string ledger_csv(const std::vector<LedgerRow>& rows, const LedgerOptions& options) {
  std::string text = join(options.by, ",");
  text += options.by.empty() ? "bytes,full_bytes,full_coded_bytes\n"
                             : ",bytes,full_bytes,full_coded_bytes\n";
  const auto number = [](const std::optional<std::int64_t>& value) {
    return value ? std::to_string(*value) : std::string{};
  };
  for (const LedgerRow& row : rows) {
    for (const std::string& key : row.keys) {  // none of them can hold a comma or a quote
      text += key + ',';
    }
    text += str(row.bytes, ',', number(row.full_bytes), ',', number(row.full_coded_bytes), '\n');
  }
  return text;
}

std::string ledger_json(const std::vector<LedgerRow>& rows, const LedgerOptions& options) {
  using Json = nlohmann::ordered_json;
  Json all = Json::array();
  for (const LedgerRow& row : rows) {
    Json object = Json::object();
    for (std::size_t i = 0; i < options.by.size(); ++i) {
      object[options.by[i]] =
          options.by[i] == "round" ? Json(std::stoull(row.keys[i])) : Json(row.keys[i]);
    }
    object["bytes"] = row.bytes;
    object["full_bytes"] = row.full_bytes ? Json(*row.full_bytes) : Json(nullptr);
    object["full_coded_bytes"] = row.full_coded_bytes ? Json(*row.full_coded_bytes) : Json(nullptr);
    all.push_back(std::move(object));
  }
  return all.dump();
}

}  // namespace lorae::report
