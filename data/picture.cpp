#include "data/picture.h"

#include <limits>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "base/atomic_file.h"
#include "base/error.h"
#include "data/jpeg.h"
#include "data/mat.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

/// 8 bits of 16. A camera of 12 bits leaves the upper four empty: its range is taken, or all would
/// be black.
cv::Mat eight_bits(const cv::Mat& sixteen) {
  constexpr double kTwelve = 4095, kSixteen = 65535;
  double largest = 0;
  cv::minMaxIdx(sixteen.reshape(1), nullptr, &largest);
  cv::Mat eight;
  sixteen.convertTo(eight, CV_8U, 255 / (largest <= kTwelve ? kTwelve : kSixteen));
  return eight;
}

/// Whatever OpenCV reads, blue first if it has colours; empty if it cannot.
cv::Mat decode_other(Bytes& file, std::int64_t channels) {
  try {
    const cv::Mat bytes(1, static_cast<int>(file.size()), CV_8UC1, file.data());
    const int colours = channels == 3 ? cv::IMREAD_COLOR : cv::IMREAD_GRAYSCALE;
    cv::Mat decoded = cv::imdecode(bytes, colours | cv::IMREAD_ANYDEPTH);
    if (decoded.depth() == CV_16U) {
      return eight_bits(decoded);
    }
    return decoded.depth() == CV_8U ? decoded : cv::imdecode(bytes, colours);
  } catch (const cv::Exception&) {
    return {};  // OpenCV throws for empty files and for sizes beyond its limits
  }
}

}  // namespace

at::Tensor read_picture(const fs::path& path, std::int64_t channels) {
  const auto refuse = [&](const std::string& why) {
    fail(ErrorCode::kCorruptData, "[data] cannot decode image '", path.string(), "'",
         why.empty() ? "" : ": " + why,
         "; replace it, remove it from the folder, or set data.damaged = \"skip\"");
  };
  Bytes file;
  try {
    file = read_file(path);
  } catch (const Error& error) {
    refuse(error.what());
  }
  if (file.size() > std::numeric_limits<int>::max()) {
    refuse("it is too large");
  }
  if (is_plain_jpeg(file)) {
    Result<at::Tensor> picture = decode_jpeg(file, channels);
    if (!picture.ok()) {
      refuse(picture.error().what());
    }
    return *std::move(picture);
  }
  const cv::Mat decoded = decode_other(file, channels);
  if (decoded.empty()) {
    refuse("");
  }
  at::Tensor picture =
      torch::empty({decoded.rows, decoded.cols, decoded.channels()}, torch::kUInt8);
  cv::Mat rgb = mat_of(picture);
  if (decoded.channels() == 3) {
    cv::cvtColor(decoded, rgb, cv::COLOR_BGR2RGB);
  } else {
    decoded.copyTo(rgb);
  }
  return picture;
}

void fit_into(const at::Tensor& picture, const at::Tensor& planes) {
  cv::Mat fitted = mat_of(picture);
  const cv::Size size(static_cast<int>(planes.size(2)), static_cast<int>(planes.size(1)));
  if (fitted.size() != size) {
    cv::Mat resized;
    cv::resize(fitted, resized, size, 0, 0, cv::INTER_AREA);
    fitted = std::move(resized);
  }
  const std::int64_t channels = planes.size(0);
  if (fitted.channels() == 3 && channels == 1) {
    cv::Mat grey;
    cv::cvtColor(fitted, grey, cv::COLOR_RGB2GRAY);
    fitted = std::move(grey);
  }
  std::vector<cv::Mat> out;  // headers over the tensor's planes
  for (std::int64_t channel = 0; channel < channels; ++channel) {
    out.emplace_back(size, CV_8UC1, planes.data_ptr<std::uint8_t>() + channel * size.area());
  }
  if (fitted.channels() == channels) {
    cv::split(fitted, out);
  } else {
    for (cv::Mat& plane : out) {
      fitted.copyTo(plane);
    }
  }
}

}  // namespace lorae::data
