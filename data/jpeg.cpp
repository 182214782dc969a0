#include "data/jpeg.h"

#include <turbojpeg.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "data/exif.h"
#include "tensors/torch.h"

namespace lorae::data {
namespace {

constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;
constexpr unsigned kEnd = 0xD9, kScan = 0xDA, kExif = 0xE1;

struct Close {
  void operator()(void* handle) const { ::tjDestroy(handle); }
};

void* decompressor() {
  static thread_local const std::unique_ptr<void, Close> handle(::tjInitDecompress());
  check(handle != nullptr, ErrorCode::kUnavailable, "[data] cannot set up the JPEG decoder");
  return handle.get();
}

struct Header {
  int width = 0, height = 0, subsampling = 0, colours = 0;
};

bool read_header(ByteView file, Header& to) {
  return ::tjDecompressHeader3(decompressor(), reinterpret_cast<const unsigned char*>(file.data()),
                               file.size(), &to.width, &to.height, &to.subsampling,
                               &to.colours) == 0;
}

unsigned byte_at(ByteView file, std::size_t i) {
  return std::to_integer<unsigned>(file[i]);
}

unsigned orientation_of(ByteView file) {
  constexpr std::string_view kName("Exif\0\0", 6);
  for (std::size_t i = 2; i + 4 <= file.size() && byte_at(file, i) == 0xFF;) {
    const unsigned marker = byte_at(file, i + 1);
    const std::size_t size = byte_at(file, i + 2) * 256 + byte_at(file, i + 3);
    if (marker == kScan || marker == kEnd || size < 2 || i + 2 + size > file.size()) {
      break;
    }
    const ByteView segment = file.subspan(i + 4, size - 2);
    if (marker == kExif && text_of(segment).starts_with(kName)) {
      return exif_orientation(segment.subspan(kName.size()));
    }
    i += 2 + size;
  }
  return 1;
}

/// From 5 on the sides change places: the picture was kept lying.
at::Tensor upright(const at::Tensor& picture, unsigned orientation) {
  const at::Tensor standing = orientation >= 5 ? picture.transpose(0, 1) : picture;
  switch (orientation) {
    case 2:
    case 6:
      return standing.flip({1}).contiguous();
    case 3:
    case 7:
      return standing.flip({0, 1}).contiguous();
    case 4:
    case 8:
      return standing.flip({0}).contiguous();
    default:
      return standing.contiguous();
  }
}

}  // namespace

bool is_plain_jpeg(ByteView file) {
  Header header;
  return text_of(file).starts_with("\xFF\xD8\xFF") && read_header(file, header) &&
         header.colours != TJCS_CMYK && header.colours != TJCS_YCCK;
}

Result<at::Tensor> decode_jpeg(ByteView file, std::int64_t channels) {
  Header header;
  void* handle = decompressor();
  const auto complaint = [&] { return Error(ErrorCode::kCorruptData, ::tjGetErrorStr2(handle)); };
  if (!read_header(file, header)) {
    return complaint();
  }
  if (std::int64_t{header.width} * header.height > kMostPixels) {
    return Error(ErrorCode::kCorruptData,
                 str("it has ", header.width, " x ", header.height, " pixels"));
  }
  const at::Tensor picture = torch::empty({header.height, header.width, channels}, torch::kUInt8);
  const int status =
      ::tjDecompress2(handle, reinterpret_cast<const unsigned char*>(file.data()), file.size(),
                      picture.data_ptr<std::uint8_t>(), header.width, 0, header.height,
                      channels == 3 ? TJPF_RGB : TJPF_GRAY, TJFLAG_ACCURATEDCT);
  const bool superfluous =
      status != 0 && ::tjGetErrorCode(handle) == TJERR_WARNING &&
      std::string_view(::tjGetErrorStr2(handle)).find("extraneous bytes") != std::string_view::npos;
  if (status != 0 && !superfluous) {
    return complaint();
  }
  return upright(picture, orientation_of(file));
}

}  // namespace lorae::data
