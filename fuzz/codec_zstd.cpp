// Any bytes as an update of a chain that ends with the coder "zstd".
#include "fuzz/codec_payload.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr const char* kChains[] = {"zstd", "delta,int8:row,zstd", "delta,rms_step:1,zstd",
                                    "delta,segments:2,int8,zstd"};
  constexpr std::size_t kMost = std::size_t{16} << 20U;  // libzstd's window of 8 MiB and what belongs to it
  return lorae::fuzz::decode_payload(kChains, kMost, data, size);
}
