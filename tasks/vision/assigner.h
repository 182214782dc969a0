#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

// Which anchors of a detector learn which objects. An anchor is the centre of a cell of one of its
// maps; anchors are counted level by level, row by row, and "places" image by image: image *
// anchors + anchor.
namespace lorae::tasks::vision {

/// What the pictures of a batch show. The tensors lie on the CPU.
struct Targets {
  at::Tensor boxes;   ///< [n, 4], x1 y1 x2 y2 in pixels of the batch
  at::Tensor labels;  ///< int64 [n]
  at::Tensor images;  ///< int64 [n]: which of the batch, never falling

  std::int64_t size() const { return labels.size(0); }
};

/// One map of a detector.
struct Grid {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t stride = 0;  ///< pixels

  std::int64_t size() const { return height * width; }
};

std::int64_t anchors_of(std::span<const Grid> grids);

/// Centres of all anchors in cells, [A, 2], and the pixels of each's cell, [A, 1].
struct Anchors {
  at::Tensor centres;
  at::Tensor strides;
};
Anchors make_anchors(std::span<const Grid> grids, const at::Tensor& like);

/// Each object with each anchor strictly inside its box, by object, then by anchor: int64 [p].
struct Candidates {
  at::Tensor objects;
  at::Tensor anchors;
  at::Tensor places;
  at::Tensor labels;  ///< of the objects
  at::Tensor firsts;  ///< the pair with which the object of each pair begins

  Candidates to(at::Device device) const;
};

/// Errors: kInvalidArgument for a target outside of the batch, or a label outside of [0, classes).
Candidates find_candidates(const Targets& targets,
                           std::span<const Grid> grids,
                           std::int64_t images,
                           std::int64_t classes);

/// What learns what. Shape: [f], each place once, in the order of candidates.
struct Assignment {
  at::Tensor places;
  at::Tensor objects;
  at::Tensor scores;  ///< what the class of the object is to score there, in [0, 1]
};

struct AssignerOptions {
  std::int64_t top = 10;
  double alpha = 0.5;
  double beta = 6;
};

/// Task-aligned assignment: each object takes the anchors that see it best, each anchor learns one
/// object.
/// Formula: t = score^alpha overlap^beta. An object takes the `top` anchors of the largest t; an
/// anchor that several take goes to the object with the largest overlap there. Target: t times the
/// object's largest overlap over its largest t, of the anchors that it keeps.
/// Among equal t the first anchor counts, those outside of the box included, whose t is 0: the
/// reference leaves that to its sort. Without a gradient.
/// Shape: `scores`, of the objects' classes, and `overlaps`, at least 0: [p], as the candidates,
/// on one device. `places`: how many there are.
/// Source: Feng et al. 2021, "TOOD" (arXiv:2108.07755), section 3.3.
Assignment assign(const Candidates& candidates,
                  const at::Tensor& scores,
                  const at::Tensor& overlaps,
                  std::int64_t objects,
                  std::int64_t places,
                  const AssignerOptions& options = {});

}  // namespace lorae::tasks::vision
