#pragma once

#include <memory>
#include <optional>

#include "adapters/adapter_file.h"
#include "aggregation/aggregator.h"
#include "aggregation/server_optimizer.h"
#include "codec/lattice.h"
#include "coordinator/exchange_options.h"
#include "runs/run_directory.h"

namespace lorae::coordinator {

/// The federated state: its version, its tensors, the server optimiser that moves it, its files.
/// A step is taken in three parts, so that a crash between any two of them changes nothing: `step`
/// computes, `save` makes files, `commit` puts it in force. Threads: none.
class GlobalState {
 public:
  /// `initial` is version 0; with a lattice, on its grid. Of `exchange`: the server's step, the
  /// lattice, and what the saved files say and hold beside the state.
  GlobalState(const StateDict& initial, const ExchangeOptions& exchange);

  RoundId version() const { return version_; }
  const StateDict& tensors() const { return tensors_; }
  Digest digest() const { return digest_of(tensors_); }

  /// The state after a round with this result, not yet in force.
  void step(const aggregation::Aggregate& aggregate);
  /// Atomic files in `directory`: the adapter for people, the optimiser's moments for a restart.
  /// Errors: kUnavailable if the disk is full; call again.
  void save(const runs::RunDirectory& directory) const;
  void commit();
  /// The state in force, as `save` does with the next one: for a run that keeps its updates, before
  /// its first round. Errors: as `save`.
  void save_start(const runs::RunDirectory& directory) const;
  /// `state`, that of `round`, as the best of the run: an atomic file. Errors: as `save`.
  void save_best(const runs::RunDirectory& directory, RoundId round, const StateDict& state) const;
  const Digest& next_digest() const { return next_digest_; }
  /// What `step` made. Precondition: it did, and `commit` did not yet.
  const StateDict& next() const { return next_; }

  /// Takes the state of a saved version, and the optimiser's moments then, or, without `moments`,
  /// none. Errors: kCorruptData if the adapter's digest is not `digest_hex`; kIncompatible if it is
  /// one of another model.
  void restore(const runs::RunDirectory& directory,
               RoundId version,
               const std::string& digest_hex,
               bool moments = true);

 private:
  adapters::Adapter adapter_of(RoundId round, const StateDict& state) const;
  void move(StateDict& state, const aggregation::Aggregate& aggregate) const;

  adapters::AdapterInfo info_;
  StateDict constant_;  // what never changes and is in the files, so that they can be used
  RoundId version_;
  StateDict tensors_;
  std::unique_ptr<aggregation::ServerOptimizer> server_;
  std::optional<codec::Lattice> lattice_;
  StateDict left_;  // of a lattice: what its steps did not take along yet
  // Between `step` and `commit`:
  StateDict next_, next_left_;
  Digest next_digest_;
};

}  // namespace lorae::coordinator
