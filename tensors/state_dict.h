#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"

namespace lorae {

/// Named tensors of a model, or of a part of one, sorted by name.
///
/// Copies share storage, as tensors do; `clone` does not.
class StateDict {
 public:
  using Entry = std::pair<std::string, at::Tensor>;

  StateDict() = default;
  /// Sorts by name. Errors: kInvalidArgument for a name that comes twice.
  explicit StateDict(std::vector<Entry> entries);

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }

  /// The tensor of that name, or nullptr.
  const at::Tensor* find(const std::string& name) const;
  /// Errors: kIncompatible if absent.
  const at::Tensor& at(const std::string& name) const;

  StateDict clone() const;
  /// Numbers held by all tensors together.
  std::int64_t numel() const;

 private:
  std::vector<Entry> entries_;
};

/// Copies the values of `from` into the tensors of `to`; neither autograd nor storage changes.
/// Errors: kIncompatible at the first name or shape that differs, naming it.
void copy_values_(const StateDict& to, const StateDict& from);

/// Errors: kIncompatible at the first name or shape in which they differ, naming it.
void check_aligned(const StateDict& a, const StateDict& b);

/// A state of the same names with what `of(tensor)` gives for each.
template <typename Of>
StateDict map(const StateDict& state, Of&& of) {
  std::vector<StateDict::Entry> entries;
  entries.reserve(state.size());
  for (const auto& [name, tensor] : state) {
    entries.emplace_back(name, of(tensor));
  }
  return StateDict(std::move(entries));
}

/// Calls visit(a's tensor, b's tensor, ...) for each name. Tensors are handles: what a visit writes
/// into one is written into the state. Precondition: all are aligned (check_aligned).
template <typename Visit, typename... States>
void for_each_aligned(Visit&& visit, const StateDict& first, const States&... others) {
  std::size_t i = 0;
  for (const auto& [name, tensor] : first) {
    visit(tensor, (others.begin() + static_cast<std::ptrdiff_t>(i))->second...);
    ++i;
  }
}

/// BLAKE2b-256 over all entries in name order; equal exactly if names, dtypes, shapes and bits are.
/// Formula: per entry: name, 0, dtype name, 0, rank and sizes as int64, contiguous bytes (CPU).
Digest digest_of(const StateDict& state);

/// The entries of `a`, then those of `b`. Errors: as StateDict for a name that both have.
StateDict joined(const StateDict& a, const StateDict& b);

/// The entries under longer names, and back: those whose names begin with `prefix`, without it.
StateDict with_prefix(const std::string& prefix, const StateDict& state);
StateDict part_of(const StateDict& state, const std::string& prefix);

/// The entries of `from` that `like` has, too, in its order. Errors: kIncompatible, naming the
/// first that is missing or of another shape.
StateDict part_like(const StateDict& from, const StateDict& like);

}  // namespace lorae
