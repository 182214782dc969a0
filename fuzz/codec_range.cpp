// Any bytes as an update of a chain that ends with the coder "range".
#include "fuzz/codec_payload.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr const char* kChains[] = {"range", "delta,float16,range", "int8:row,range",
                                    "delta,int4:row,range", "delta,rms_step:1,range",
                                    "delta,product_step:1,range", "delta,top_k:0.1,int8,range"};
  constexpr std::size_t kMost = std::size_t{16} << 10U;  // a table of the coder
  return lorae::fuzz::decode_payload(kChains, kMost, data, size);
}
