#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "experiment/replay.h"

namespace lorae::apps {

// One function per subcommand of `lorae`. Errors: lorae::Error; main turns it into an exit status.

struct ProvisionOptions {
  std::filesystem::path out;         ///< of a new kit: must not exist, or be empty
  std::vector<std::string> clients;  ///< names
  std::string coordinator;           ///< tcp://HOST:PORT as clients reach it
};

/// Writes a folder per device (its key, the coordinator's public key, client.toml) and one for the
/// coordinator (key, registry, coordinator.toml). Errors: kInvalidConfig.
void provision(const ProvisionOptions& options);

/// Writes folders for more devices into the kit `out` and enrols them in its registry; nothing else
/// of the kit changes, and nothing at all if it fails. An empty `coordinator`: as the kit's other
/// devices have it.
/// Errors: kInvalidConfig for a folder that is no kit, and for names that it has.
void add_to_kit(const ProvisionOptions& options);

/// Makes NAME.key and NAME.pub in `folder` and prints the public key.
void keygen(const std::string& name, const std::filesystem::path& folder);

/// A coordinator's home.
struct HomeChoice {
  std::filesystem::path folder;
  bool by_flag = false;  ///< named by --home; else it is the default one
};

/// Changes the registry of `home` and tells a coordinator that runs there. `key`: 40 characters, or
/// the path of a .pub file.
/// Errors: kInvalidConfig for a home without a coordinator, for a key that is none or not to be
///         enrolled, and as Registry.
void enrol(const HomeChoice& home, const std::string& name, const std::string& key);
void revoke(const HomeChoice& home, const std::string& name);

/// Writes report.html into `out`, or into the folder if that is empty, and prints its path; of
/// simulations also comparison.json, curves.csv and, to the terminal, their table.
/// Errors: kInvalidConfig for a folder that holds nothing to report, for several that are not
///         simulations, and for several without `out`.
void write_reports(const std::vector<std::filesystem::path>& folders, std::filesystem::path out);

/// Lists the runs of a coordinator's home, the newest first.
void list_runs(const std::filesystem::path& home, bool as_json);

/// Says where a run is: rounds, clients, metrics, bytes, and whom the open round waits for.
/// `run`: its folder, or its name in `home`; empty: the newest one there.
/// Errors: kInvalidConfig if there is no such run; the run's damage.
void show_status(const std::filesystem::path& home, const std::string& run, bool as_json);

/// Prints what a run has sent, by some of layer, stage, direction, round, client, beside what
/// full-parameter training would have. `format`: table, csv or json. Errors: as
/// report::read_ledger.
void print_ledger(const std::filesystem::path& run,
                  const std::vector<std::string>& by,
                  const std::string& format);

/// Aggregates the rounds of a run again, and prints what comes of it beside what the run had.
/// Errors: as experiment::replay.
void aggregate_again(const std::filesystem::path& run,
                     const experiment::ReplayOptions& options,
                     bool as_json);

/// Prints the digest of the tensors of a safetensors file.
void print_digest(const std::filesystem::path& file);

}  // namespace lorae::apps
