#include "adapters/blocks.h"

#include "adapters/conv2d.h"
#include "base/error.h"
#include "tensors/torch.h"

namespace lorae::adapters {
namespace {

int row_axis_of(const std::string& name, std::int64_t dimensions) {
  if (dimensions < 2) {
    return -1;
  }
  return name.ends_with(kMapperSuffix) ? 1 : 0;
}

codec::BlockShape shape_of(const std::string& name, const at::Tensor& tensor) {
  check(tensor.scalar_type() == c10::kFloat, ErrorCode::kInvalidArgument, "[adapters] '", name,
        "': expected float32, got ", c10::toString(tensor.scalar_type()));
  return {name, tensor.sizes().vec(), row_axis_of(name, tensor.dim())};
}

}  // namespace

codec::Blocks to_blocks(const StateDict& state) {
  codec::Blocks blocks;
  blocks.reserve(state.size());
  for (const auto& [name, tensor] : state) {
    codec::BlockShape shape = shape_of(name, tensor);
    const at::Tensor values = tensor.detach().cpu().contiguous();
    const float* data = values.data_ptr<float>();
    blocks.push_back({std::move(shape), {data, data + values.numel()}});
  }
  return blocks;
}

codec::Layout layout_of(const StateDict& state) {
  std::vector<codec::BlockShape> shapes;
  shapes.reserve(state.size());
  for (const auto& [name, tensor] : state) {
    shapes.push_back(shape_of(name, tensor));
  }
  return codec::Layout(std::move(shapes));
}

StateDict to_state(const codec::Blocks& blocks) {
  std::vector<StateDict::Entry> entries;
  entries.reserve(blocks.size());
  for (const codec::Block& block : blocks) {
    at::Tensor tensor = torch::empty(block.shape, c10::kFloat);
    std::copy(block.values.begin(), block.values.end(), tensor.data_ptr<float>());
    entries.emplace_back(block.name, tensor);
  }
  return StateDict(std::move(entries));
}

}  // namespace lorae::adapters
