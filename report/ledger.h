#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lorae::report {

/// By what the bytes of a run are summed.
struct LedgerOptions {
  std::vector<std::string> by;  ///< of ledger_keys(), each once at most; empty: one row for all
  /// Parameters of each layer of the whole model, where they are known: for full_bytes by layer.
  std::map<std::string, std::int64_t> full_layers = {};
};

/// "layer", "stage", "direction", "round", "client".
std::vector<std::string_view> ledger_keys();

/// What a run has sent, beside what full-parameter training would have. Of framed bytes, unless
/// stages are asked for: then of each stage, and rows of different stages do not add up. By layer,
/// "(framing)" is what the messages of updates and states took beside their layers' bytes.
struct LedgerRow {
  std::vector<std::string> keys;  ///< the values of LedgerOptions::by, in its order
  std::int64_t bytes = 0;
  /// Of the same messages with every parameter of the model, or of the layer, as float32; nullopt
  /// for messages that hold none, and layers of unknown size.
  std::optional<std::int64_t> full_bytes;
  /// The same at the bits per parameter that this run's chain has in that direction: an estimate.
  std::optional<std::int64_t> full_coded_bytes;
};

/// Sorted by keys as the journal sorts them: by round, client, direction, layer, stage.
/// Errors: kInvalidConfig for a folder that holds no run, and for keys that are unknown or twice
///         there; kCorruptData for a damaged journal.
std::vector<LedgerRow> read_ledger(const std::filesystem::path& run, const LedgerOptions& options);

/// A line of names, and one of each row. What is not known is empty.
std::string ledger_csv(const std::vector<LedgerRow>& rows, const LedgerOptions& options);
/// An array of objects: the keys that were asked for, "bytes", "full_bytes", "full_coded_bytes";
/// rounds as numbers, what is not known as null.
std::string ledger_json(const std::vector<LedgerRow>& rows, const LedgerOptions& options);

}  // namespace lorae::report
