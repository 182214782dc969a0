#include "data/picture.h"

#include <algorithm>
#include <array>
#include <limits>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string_view>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/text.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 11> kEndings = {
    ".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pnm", ".jp2"};

/// True if `file` is a JPEG that stops before its end marker: libjpeg would paint the missing part
/// grey and succeed. Searches behind the headers, since a thumbnail in them has an end of its own.
bool is_cut_off_jpeg(ByteView file) {
  const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(file[i]); };
  if (file.size() < 2 || at(0) != 0xFF || at(1) != 0xD8) {
    return false;
  }
  for (std::size_t i = 2; i + 4 <= file.size();) {
    if (at(i) != 0xFF) {
      return false;  // no marker where one belongs: the decoder's business
    }
    const unsigned marker = at(i + 1);
    if (marker == 0xDA) {  // start of scan; in its data 0xFF 0xD9 can only be the end
      return text_of(file).find("\xFF\xD9", i) == std::string_view::npos;
    }
    i += marker == 0xFF ? 1 : 2 + at(i + 2) * 256 + at(i + 3);
  }
  return true;
}

/// The picture in a file, blue first if it has colours; empty if there is none.
cv::Mat decode(const fs::path& path, std::int64_t channels) {
  try {
    Bytes file = read_file(path);
    if (file.size() > std::numeric_limits<int>::max() || is_cut_off_jpeg(file)) {
      return {};
    }
    const cv::Mat bytes(1, static_cast<int>(file.size()), CV_8UC1, file.data());
    return cv::imdecode(bytes, channels == 3 ? cv::IMREAD_COLOR : cv::IMREAD_GRAYSCALE);
  } catch (const Error&) {
    return {};  // not readable
  } catch (const cv::Exception&) {
    return {};  // OpenCV throws for empty files and for sizes beyond its limits
  }
}

/// The same pixels, under OpenCV's name.
cv::Mat mat_of(const at::Tensor& picture) {
  return {static_cast<int>(picture.size(0)), static_cast<int>(picture.size(1)),
          CV_8UC(static_cast<int>(picture.size(2))), picture.data_ptr<std::uint8_t>()};
}

}  // namespace

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code status;
  for (fs::directory_iterator it(folder, status), end; !status && it != end; it.increment(status)) {
    if (!it->path().filename().string().starts_with('.')) {
      paths.push_back(it->path());
    }
  }
  std::ranges::sort(paths, {}, [](const fs::path& path) { return path.filename().string(); });
  return paths;
}

bool is_picture(const fs::path& path) {
  std::error_code ignored;
  return std::ranges::find(kEndings, lower_case(path.extension().string())) != kEndings.end() &&
         fs::is_regular_file(path, ignored);
}

at::Tensor read_picture(const fs::path& path, std::int64_t channels) {
  const cv::Mat decoded = decode(path, channels);
  check(!decoded.empty(), ErrorCode::kCorruptData, "[data] cannot decode image '", path.string(),
        "'; replace it, or remove it from the folder");
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
