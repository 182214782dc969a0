#include "client/object_buffer.h"

#include <algorithm>
#include <cstring>

namespace lorae::client {

bool ObjectBuffer::put(std::uint64_t offset, ByteView body) {
  if (offset > bytes_.size() || body.size() > size_ - offset) {
    return false;
  }
  const std::size_t known = std::min<std::size_t>(body.size(), bytes_.size() - offset);
  if (known > 0 && std::memcmp(body.data(), bytes_.data() + offset, known) != 0) {
    return false;
  }
  bytes_.reserve(size_);  // growing would copy all of it now and then
  append(bytes_, body.subspan(known));
  return true;
}

}  // namespace lorae::client
