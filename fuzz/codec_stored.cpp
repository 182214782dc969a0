// Any bytes as an update of a chain that ends with the coder "stored".
#include "fuzz/codec_payload.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr const char* kChains[] = {"float32", "delta,float16", "delta,bfloat16", "int8:row", "delta,int4:row",
                                    "delta,rms_step:1", "delta,product_step:1",
                                    "delta,segments:2,int4"};
  constexpr std::size_t kMost = 4096;  // a few times the layout's
  return lorae::fuzz::decode_payload(kChains, kMost, data, size);
}
