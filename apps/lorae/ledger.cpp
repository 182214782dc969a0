#include "report/ledger.h"

#include "apps/common/output.h"
#include "apps/common/table.h"
#include "apps/lorae/commands.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "codec/block.h"
#include "experiment/run.h"
#include "runs/journal.h"
#include "runs/run_directory.h"
#include "tensors/safetensors_header.h"

namespace lorae::apps {
namespace {

namespace fs = std::filesystem;

/// The sizes of the whole model's layers, from its backbone, if that is still where it was made.
std::map<std::string, std::int64_t> layers_of(const fs::path& run) {
  std::map<std::string, std::int64_t> layers;
  const fs::path journal = runs::RunDirectory::journal_of(run);
  if (!fs::exists(journal)) {
    return layers;  // told by whoever reads the ledger
  }
  const std::string backbone = runs::Journal(journal, runs::Journal::Mode::kRead)
                                   .meta(experiment::kBackboneKey)
                                   .value_or("");
  std::error_code status;
  if (!fs::is_regular_file(backbone, status)) {
    return layers;
  }
  const Bytes bytes = read_file(backbone);
  const auto header = read_safetensors_header(bytes);
  if (!header) {
    return layers;
  }
  for (const SafetensorsEntry& entry : header->entries) {
    std::int64_t count = 1;
    for (const std::int64_t size : entry.shape) {
      count *= size;
    }
    layers[std::string(codec::layer_of(entry.name))] += count;
  }
  return layers;
}

void print_table(const std::vector<report::LedgerRow>& rows, const report::LedgerOptions& options) {
  std::vector<std::string> head = options.by;
  head.insert(head.end(), {"bytes", "full", "full coded"});
  Table table(std::string(options.by.size(), 'l') + "rrr", head);
  const auto number = [](const std::optional<std::int64_t>& value) {
    return value ? std::to_string(*value) : std::string("-");
  };
  for (const report::LedgerRow& row : rows) {
    std::vector<std::string> cells = row.keys;
    cells.insert(cells.end(),
                 {std::to_string(row.bytes), number(row.full_bytes), number(row.full_coded_bytes)});
    table.row(std::move(cells));
  }
  table.print();
}

}  // namespace

void print_ledger(const fs::path& run,
                  const std::vector<std::string>& by,
                  const std::string& format) {
  const report::LedgerOptions options{.by = by, .full_layers = layers_of(run)};
  const auto rows = report::read_ledger(run, options);
  if (format == "csv") {
    say("{}", report::ledger_csv(rows, options));
  } else if (format == "json") {
    say("{}\n", report::ledger_json(rows, options));
  } else {
    print_table(rows, options);
  }
}

}  // namespace lorae::apps
