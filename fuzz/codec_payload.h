#pragma once

#ifdef LORAE_FUZZ
#include <sanitizer/allocator_interface.h>
#endif

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "codec/chain.h"

namespace lorae::fuzz {

inline std::atomic<std::size_t> most_at_once = SIZE_MAX;  ///< bytes that one allocation may have

/// Has the sanitizer's allocator tell of allocations, in a fuzzer. False: it does not.
inline bool watch_allocations() {
#ifdef LORAE_FUZZ
  const auto watch = [](const volatile void* /*memory*/, std::size_t size) {
    if (size > most_at_once) {
      std::abort();
    }
  };
  const auto ignore = [](const volatile void* /*memory*/) {};
  return __sanitizer_install_malloc_and_free_hooks(watch, ignore) != 0;
#else
  return true;
#endif
}

inline codec::Blocks global_state() {
  codec::Blocks blocks = {{{"a.bias", {6}, -1}, {}},
                          {{"a.extractor", {2, 3, 3, 3}, 0}, {}},
                          {{"a.mapper", {6, 2, 1, 1}, 1}, {}},
                          {{"b.none", {0, 4}, 0}, {}},
                          {{"c.weight", {10, 8}, 0}, {}}};
  for (codec::Block& block : blocks) {
    for (std::size_t i = 0; i < block.numel(); ++i) {
      block.values.push_back(static_cast<float>(i % 7) * 0.25F - 0.5F);
    }
  }
  return blocks;
}

/// Any bytes as a payload of one of the chains, which the first byte chooses: refused with an
/// error, or decoded to finite numbers; in a fuzzer no allocation is larger than `most`.
inline int decode_payload(std::span<const char* const> chains,
                          std::size_t most,
                          const std::uint8_t* data,
                          std::size_t size) {
  static const bool watched = watch_allocations();
  static const codec::Blocks global = global_state();
  static const codec::Layout layout = codec::layout_of(global);
  if (size == 0 || !watched) {
    return 0;
  }
  const auto chain = codec::Chain::parse(chains[data[0] % chains.size()]);
  const ByteView payload(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  most_at_once = most;
  const auto decoded = chain.decode_delta(payload, layout, global);
  most_at_once = SIZE_MAX;
  const bool right = decoded ? codec::all_finite(decoded->blocks)
                             : decoded.error().code() == ErrorCode::kCorruptData;
  if (!right) {
    std::abort();
  }
  return 0;
}

}  // namespace lorae::fuzz
