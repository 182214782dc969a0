#include "ops/conv/low_rank_gradients.h"

#include <algorithm>

#include "ops/conv/windows.h"
#include "ops/loops/kernels.h"
#include "tensors/torch.h"

namespace lorae::ops {

using kernels::size;

LowRankGradients low_rank_gradients(const Sources& x,
                                    const at::Tensor& dy,
                                    const at::Tensor& extractor,
                                    const at::Tensor& mapper,
                                    const Conv2dOptions& geometry) {
  const std::int64_t rank = extractor.size(0), inputs = extractor.size(1), outputs = dy.size(1);
  const Layout layout(geometry, x[0].map.sizes(), dy.sizes());
  const std::int64_t taps = layout.taps();
  const at::Tensor a = extractor.view({rank, -1}).t().contiguous();  // [Cin k k, r]
  const at::Tensor b = mapper.contiguous();                          // [Cout, r]
  LowRankGradients all{.extractor = at::zeros_like(extractor, at::MemoryFormat::Contiguous),
                       .mapper = at::zeros({rank, outputs}, mapper.options())};
  const MapReader reader(x, layout.in_height * layout.in_width);
  InputWindow input(layout, dy.size(0));
  OutputWindow output(layout, dy);
  std::vector<float> low, low_gradient;  // A x, B^T dy: [r, positions]
  for (const Band& band : bands_of(layout, dy.size(0))) {
    const std::size_t positions = size(band.positions);
    low.resize(size(rank) * positions);
    low_gradient.resize(size(rank) * positions);
    const auto into = [&](std::vector<float>& sums, bool add) {
      return kernels::Sums{
          .first = sums.data(), .pitch = positions, .start = add ? sums.data() : nullptr};
    };
    in_blocks(outputs, OutputWindow::kChannels, [&](std::int64_t channel, std::int64_t count) {
      kernels::product(output.fill(band, channel, count), b.data_ptr<float>() + channel * rank,
                       size(rank), positions, into(low_gradient, channel > 0));
    });
    in_blocks(inputs, layout.input_channels(), [&](std::int64_t channel, std::int64_t count) {
      const kernels::Rows columns = input.fill(reader, band, channel, count);
      kernels::product(columns, a.data_ptr<float>() + channel * taps * rank, size(rank), positions,
                       into(low, channel > 0));
      kernels::add_correlation(low_gradient.data(), size(rank), columns, positions,
                               all.extractor.data_ptr<float>() + channel * taps,
                               size(inputs * taps));
    });
    in_blocks(outputs, OutputWindow::kChannels, [&](std::int64_t channel, std::int64_t count) {
      const bool filled = outputs <= OutputWindow::kChannels;
      kernels::add_correlation(low.data(), size(rank),
                               filled ? output.rows() : output.fill(band, channel, count),
                               positions, all.mapper.data_ptr<float>() + channel, size(outputs));
    });
  }
  all.mapper = all.mapper.t();
  return all;
}

}  // namespace lorae::ops
