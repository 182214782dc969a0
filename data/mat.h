#pragma once

#include <ATen/core/Tensor.h>

#include <opencv2/core.hpp>

namespace lorae::data {

/// The same pixels under OpenCV's name; for .cpp files of this folder. Shape: uint8 [H, W, C].
inline cv::Mat mat_of(const at::Tensor& picture) {
  return {static_cast<int>(picture.size(0)), static_cast<int>(picture.size(1)),
          CV_8UC(static_cast<int>(picture.size(2))), picture.data_ptr<std::uint8_t>()};
}

}  // namespace lorae::data
