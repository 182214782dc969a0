#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "client/memory.h"
#include "client/session.h"
#include "data/image_set.h"
#include "training/learner.h"

namespace lorae::client {

/// The images that a client trains on, given the plan and the share it was assigned.
using ImageSource = std::function<data::ImageSet(const training::Plan&, const Work&)>;

/// Turns Work into a TrainedUpdate: decode the global state, fit, encode. One model instance plays
/// any client, so the simulator has one Trainer per thread. Threads: none.
class Trainer {
 public:
  explicit Trainer(ImageSource images) : images_(std::move(images)) {}

  /// Deterministic: the same Work on the same images gives the same bytes.
  /// Errors: kIncompatible or kCorruptData if plan, backbone and model do not fit each other;
  ///         kInvalidArgument if training diverged; the image source's own.
  TrainedUpdate train(const Work& work, Memory& memory);

 private:
  void prepare(const Work& work, Memory& memory);

  ImageSource images_;
  Digest prepared_for_;  // plan and backbone
  training::Plan plan_;
  std::optional<training::Learner> learner_;
};

/// The client's share of the plan's own data set: what a client without private data of its own
/// trains on. Loads the data set once.
ImageSource planned_share();

/// Images of the client's own: `path` holds any format that data::open_image_set reads; `part`
/// takes "3/20" of them, or all if empty. Errors: kInvalidConfig, at once, for a bad `part`.
ImageSource own_images(const std::string& path, const std::string& part);

}  // namespace lorae::client
