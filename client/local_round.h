#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/adapter_file.h"
#include "client/memory.h"
#include "client/session.h"
#include "codec/block.h"
#include "data/dataset.h"
#include "training/learner.h"

namespace lorae::client {

/// The images that a client holds, given the plan and the share it was assigned.
using ImageSource = std::function<data::DatasetPtr(const training::Plan&, const Work&)>;

/// The backbone on the disk turned out to be damaged, and was removed: it has to be fetched again.
class BackboneLost : public Error {
 public:
  using Error::Error;
};

/// Work to an update: decode the global state, fit, or sum up classes where the head starts from
/// their means, encode. One model instance plays any client, so the simulator has one per thread.
/// Threads: none.
class LocalRound {
 public:
  /// `on_model` is called with each model that is made, before it trains; may be empty.
  explicit LocalRound(ImageSource images,
                      at::Device device = at::kCPU,
                      std::function<void(models::Model&)> on_model = {})
      : images_(std::move(images)), device_(device), on_model_(std::move(on_model)) {}

  /// Deterministic: the same Work on the same images gives the same bytes. With a holdout, what the
  /// global state is worth on it, with what the device keeps of its own, before it is trained: the
  /// task's main metric as "client/NAME" of the update's metrics.
  /// Errors: BackboneLost; kIncompatible or kCorruptData if plan, backbone and model do not fit
  ///         each other; kInvalidArgument if training diverged; kUnavailable if a backbone that was
  ///         fetched cannot be kept; the image source's own.
  TrainedUpdate train(const Work& work, Memory& memory);

  /// The global state of `work` as a file keeps it: that after round `version`. With what the
  /// device keeps of its own, if anything, as it is newest here. Errors: as `train`, but that
  /// nothing can diverge.
  adapters::Adapter adapter_of(const Work& work, RoundId version, Memory& memory);

 private:
  /// A client's images: those it trains on, and those it judges by; nullptr for none.
  struct Division {
    data::DatasetPtr whole;
    ClientId client;
    data::DatasetPtr trained, judged;
  };

  void prepare(const Work& work, Memory& memory);
  const Division& divided(const Work& work);
  Metrics judgement(const data::DatasetPtr& images) const;
  codec::Blocks global_state(const Work& work, RoundId version, Memory& memory);
  static StateDict kept_of_its_own(const Work& work, OwnState& kept);

  ImageSource images_;
  at::Device device_;
  std::function<void(models::Model&)> on_model_;
  Digest prepared_for_;  // plan and backbone
  training::Plan plan_;
  Division division_;
  std::optional<training::Learner> learner_;
  adapters::AdapterInfo description_;
  codec::Blocks start_;  // of a lattice: what the seed draws
  Memory::Held last_;    // of a lattice: what was made last, the same for all clients
  ShortDigest last_digest_;
};

/// The client's share of the plan's own data set: what a client without private data of its own
/// trains on. Loads the data set once.
ImageSource planned_share();

/// Images of the client's own: `path` holds any format that data::open_dataset reads; `part`
/// takes "3/20" of them, or all if empty; `class_map` as data::parse_class_map reads it. Loads them
/// once. Errors: kInvalidConfig, at once, for a bad `part` or `class_map`, or a path that holds no
/// images; later those of training::own_images.
ImageSource own_images(const std::string& path,
                       const std::string& part,
                       const std::string& class_map);

}  // namespace lorae::client
