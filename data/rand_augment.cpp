#include "data/rand_augment.h"

#include <cmath>
#include <functional>
#include <numbers>
#include <opencv2/imgproc.hpp>

#include "data/mat.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

constexpr double kGrey = 114;

/// What lies at the centre stays there. `a`, `b`, `c`, `d`: of the map from new to old places.
cv::Mat moved(const cv::Mat& image, double a, double b, double c, double d, double dx, double dy) {
  const double x = (image.cols - 1) / 2.0, y = (image.rows - 1) / 2.0;
  const cv::Matx23d map(a, b, x - a * x - b * y + dx, c, d, y - c * x - d * y + dy);
  cv::Mat out;
  cv::warpAffine(image, out, map, image.size(), cv::INTER_LINEAR | cv::WARP_INVERSE_MAP,
                 cv::BORDER_CONSTANT, cv::Scalar::all(kGrey));
  return out;
}

/// share * image + (1 - share) * other.
cv::Mat blended(const cv::Mat& image, const cv::Mat& other, double share) {
  cv::Mat out;
  cv::addWeighted(image, share, other, 1 - share, 0, out);
  return out;
}

cv::Mat grey_of(const cv::Mat& image) {
  if (image.channels() == 1) {
    return image;
  }
  cv::Mat grey, out;
  cv::cvtColor(image, grey, cv::COLOR_RGB2GRAY);
  cv::cvtColor(grey, out, cv::COLOR_GRAY2RGB);
  return out;
}

/// Each channel through a table of its own, which `make` fills from that channel.
template <typename Make>
cv::Mat by_table(const cv::Mat& image, Make make) {
  std::vector<cv::Mat> channels;
  cv::split(image, channels);
  for (cv::Mat& channel : channels) {
    cv::Mat table(1, 256, CV_8U);
    make(channel, table.ptr<std::uint8_t>());
    cv::Mat out;
    cv::LUT(channel, table, out);
    channel = out;
  }
  cv::Mat out;
  cv::merge(channels, out);
  return out;
}

cv::Mat stretched(const cv::Mat& image) {
  return by_table(image, [](const cv::Mat& channel, std::uint8_t* table) {
    double low = 0, high = 255;
    cv::minMaxIdx(channel, &low, &high);
    for (int i = 0; i < 256; ++i) {
      const double value = high > low ? (i - low) * 255 / (high - low) : i;
      table[i] = cv::saturate_cast<std::uint8_t>(value);
    }
  });
}

cv::Mat equalised(const cv::Mat& image) {
  std::vector<cv::Mat> channels;
  cv::split(image, channels);
  for (cv::Mat& channel : channels) {
    cv::Mat out;
    cv::equalizeHist(channel, out);
    channel = out;
  }
  cv::Mat out;
  cv::merge(channels, out);
  return out;
}

cv::Mat with_table(const cv::Mat& image, const std::function<int(int)>& value) {
  return by_table(image, [&](const cv::Mat&, std::uint8_t* table) {
    for (int i = 0; i < 256; ++i) {
      table[i] = static_cast<std::uint8_t>(value(i));
    }
  });
}

cv::Mat smoothed(const cv::Mat& image) {
  const cv::Mat kernel = (cv::Mat_<float>(3, 3) << 1, 1, 1, 1, 5, 1, 1, 1, 1) / 13;
  cv::Mat out;
  cv::filter2D(image, out, -1, kernel);
  return out;
}

/// `m` in [0, 1]; `s`: the same, of either sign.
cv::Mat changed(const cv::Mat& image, std::uint64_t kind, double m, double s) {
  constexpr double kShear = 0.3, kShift = 150.0 / 331, kStrength = 0.9;
  const double angle = s * 30 * std::numbers::pi / 180;
  switch (kind) {
    case 1:
      return moved(image, 1, kShear * s, 0, 1, 0, 0);
    case 2:
      return moved(image, 1, 0, kShear * s, 1, 0, 0);
    case 3:
      return moved(image, 1, 0, 0, 1, kShift * s * image.cols, 0);
    case 4:
      return moved(image, 1, 0, 0, 1, 0, kShift * s * image.rows);
    case 5:
      return moved(image, std::cos(angle), -std::sin(angle), std::sin(angle), std::cos(angle), 0,
                   0);
    case 6:
      return blended(image, cv::Mat::zeros(image.size(), image.type()), 1 + kStrength * s);
    case 7:
      return blended(image, grey_of(image), 1 + kStrength * s);
    case 8: {
      const double mean = cv::mean(grey_of(image))[0];
      return blended(image, cv::Mat(image.size(), image.type(), cv::Scalar::all(mean)),
                     1 + kStrength * s);
    }
    case 9:
      return blended(image, smoothed(image), 1 + kStrength * s);
    case 10: {
      const int dropped = static_cast<int>(std::lround(4 * m));
      return with_table(image, [&](int i) { return i >> dropped << dropped; });
    }
    case 11:
      return with_table(image, [&](int i) { return i >= 255 * (1 - m) ? 255 - i : i; });
    case 12:
      return stretched(image);
    case 13:
      return equalised(image);
    default:
      return image;
  }
}

}  // namespace

at::Tensor rand_augmented(const at::Tensor& image,
                          std::int64_t count,
                          double magnitude,
                          Random& random) {
  constexpr std::uint64_t kKinds = 14;
  cv::Mat now = mat_of(image);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t kind = random.below(kKinds);
    const double sign = random.uniform() < 0.5 ? -1 : 1;
    now = changed(now, kind, magnitude, sign * magnitude);
  }
  at::Tensor out = torch::empty_like(image);
  now.copyTo(mat_of(out));
  return out;
}

}  // namespace lorae::data
