#include "codec/coders/zstd.h"

#include <zstd.h>

#include <memory>

namespace lorae::codec {
namespace {

constexpr int kLargestWindowLog = 23;  // 8 MiB of history; the default would allow 128 MiB

struct FreeDecoder {
  void operator()(ZSTD_DCtx* decoder) const { ZSTD_freeDCtx(decoder); }
};

}  // namespace

Bytes zstd_encode(ByteView bytes, int level) {
  Bytes out(ZSTD_compressBound(bytes.size()));
  const std::size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), level);
  check(ZSTD_isError(size) == 0, ErrorCode::kInvalidArgument, "[zstd] ", ZSTD_getErrorName(size));
  out.resize(size);
  return out;
}

Result<Bytes> zstd_decode(ByteView bytes, std::size_t size) {
  const auto corrupt = [&](std::string_view why) {
    return Error(ErrorCode::kCorruptData, str("[zstd] frame of ", bytes.size(), " bytes: ", why));
  };
  const std::unique_ptr<ZSTD_DCtx, FreeDecoder> decoder(ZSTD_createDCtx());
  ZSTD_DCtx_setParameter(decoder.get(), ZSTD_d_windowLogMax, kLargestWindowLog);
  Bytes out(size);
  ZSTD_inBuffer in_buffer{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer out_buffer{out.data(), out.size(), 0};
  for (;;) {
    const std::size_t in_before = in_buffer.pos;
    const std::size_t out_before = out_buffer.pos;
    const std::size_t left = ZSTD_decompressStream(decoder.get(), &out_buffer, &in_buffer);
    if (ZSTD_isError(left) != 0) {
      return corrupt(ZSTD_getErrorName(left));
    }
    if (left == 0) {
      break;  // the end of the frame
    }
    if (in_buffer.pos == in_before && out_buffer.pos == out_before) {
      return corrupt(in_buffer.pos == in_buffer.size ? "cut short" : "holds more than expected");
    }
  }
  if (in_buffer.pos != in_buffer.size) {
    return corrupt("bytes after the frame");
  }
  if (out_buffer.pos != out.size()) {
    return corrupt(str("expected ", size, " bytes of content, got ", out_buffer.pos));
  }
  return out;
}

Result<ByteView> Zstd::decode(ByteView bytes, std::size_t size, Bytes& scratch) const {
  auto content = zstd_decode(bytes, size);
  if (!content) {
    return content.error();
  }
  scratch = *std::move(content);
  return ByteView(scratch);
}

}  // namespace lorae::codec
