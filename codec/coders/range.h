#pragma once

#include "codec/coder.h"

namespace lorae::codec {

/// Adaptive entropy coding of all layers in one stream, without tables on the wire. Steps are coded
/// by how large their neighbours are; other numbers by the place of a byte in them.
///
/// Layout: a byte; if it is 0, then all bytes as they are, because coding makes them more; if it is
///         1, then the state of the coder (u32) and words (u16), in the order of reading.
///         No layers, no bytes.
/// Source: rANS, Duda 2013 (arXiv:1311.2540); the models are ours, see frequencies.h and tokens.h.
class Range final : public Coder {
 public:
  std::unique_ptr<Encoding> encoding() const override;
  std::unique_ptr<Decoding> decoding(ByteView payload) const override;
};

}  // namespace lorae::codec
