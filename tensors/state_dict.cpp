#include "tensors/state_dict.h"

#include <algorithm>

#include "base/error.h"
#include "tensors/safetensors.h"
#include "tensors/torch.h"

namespace lorae {

StateDict::StateDict(std::vector<Entry> entries) : entries_(std::move(entries)) {
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.first < b.first; });
  const auto twice =
      std::adjacent_find(entries_.begin(), entries_.end(),
                         [](const Entry& a, const Entry& b) { return a.first == b.first; });
  check(twice == entries_.end(), ErrorCode::kInvalidArgument, "[state_dict] '",
        twice == entries_.end() ? "" : twice->first, "' comes twice");
}

const at::Tensor* StateDict::find(const std::string& name) const {
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), name,
                       [](const Entry& entry, const std::string& n) { return entry.first < n; });
  return found != entries_.end() && found->first == name ? &found->second : nullptr;
}

const at::Tensor& StateDict::at(const std::string& name) const {
  const at::Tensor* tensor = find(name);
  check(tensor != nullptr, ErrorCode::kIncompatible, "[state_dict] no tensor '", name, "'");
  return *tensor;
}

StateDict StateDict::clone() const {
  return map(*this, [](const at::Tensor& tensor) { return tensor.detach().clone(); });
}

std::int64_t StateDict::numel() const {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : entries_) {
    count += tensor.numel();
  }
  return count;
}

void check_aligned(const StateDict& a, const StateDict& b) {
  auto first = a.begin();
  auto second = b.begin();
  for (; first != a.end() && second != b.end(); ++first, ++second) {
    check(first->first == second->first, ErrorCode::kIncompatible, "[state_dict] expected '",
          first->first, "', got '", second->first, "'; was it made for another model?");
    check(first->second.sizes() == second->second.sizes(), ErrorCode::kIncompatible,
          "[state_dict] '", first->first, "': expected shape ", first->second.sizes(), ", got ",
          second->second.sizes(), "; was it made for another model or rank?");
  }
  check(first == a.end(), ErrorCode::kIncompatible, "[state_dict] '",
        first == a.end() ? "" : first->first, "' is missing");
  check(second == b.end(), ErrorCode::kIncompatible, "[state_dict] '",
        second == b.end() ? "" : second->first, "' is not part of this model");
}

void copy_values_(const StateDict& to, const StateDict& from) {
  check_aligned(to, from);
  const torch::NoGradGuard no_grad;
  for_each_aligned([](at::Tensor target, const at::Tensor& source) { target.copy_(source); }, to,
                   from);
}

Digest digest_of(const StateDict& state) {
  constexpr std::string_view kEnd("\0", 1);
  Hasher hasher;
  for (const auto& [name, tensor] : state) {
    const at::Tensor values = tensor.detach().cpu().contiguous();
    std::vector<std::int64_t> shape{values.dim()};
    shape.insert(shape.end(), values.sizes().begin(), values.sizes().end());
    hasher.add(name);
    hasher.add(kEnd);
    hasher.add(safetensors_dtype(values.scalar_type()));
    hasher.add(kEnd);
    hasher.add(bytes_of(std::span<const std::int64_t>(shape)));
    hasher.add(ByteView(static_cast<const std::byte*>(values.data_ptr()), values.nbytes()));
  }
  return hasher.finish();
}

StateDict with_prefix(const std::string& prefix, const StateDict& state) {
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, tensor] : state) {
    entries.emplace_back(prefix + name, tensor);
  }
  return StateDict(std::move(entries));
}

StateDict part_of(const StateDict& state, const std::string& prefix) {
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, tensor] : state) {
    if (name.starts_with(prefix)) {
      entries.emplace_back(name.substr(prefix.size()), tensor);
    }
  }
  return StateDict(std::move(entries));
}

StateDict part_like(const StateDict& from, const StateDict& like) {
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, tensor] : like) {
    const at::Tensor* own = from.find(name);
    check(own != nullptr, ErrorCode::kIncompatible, "[state] '", name, "' is missing");
    check(own->sizes() == tensor.sizes(), ErrorCode::kIncompatible, "[state] '", name,
          "' is of shape ", own->sizes(), ", expected ", tensor.sizes());
    entries.emplace_back(name, *own);
  }
  return StateDict(std::move(entries));
}

StateDict joined(const StateDict& a, const StateDict& b) {
  std::vector<StateDict::Entry> entries(a.begin(), a.end());
  entries.insert(entries.end(), b.begin(), b.end());
  return StateDict(std::move(entries));
}

}  // namespace lorae
