#include "wire/messages.h"

#include <optional>
#include <utility>

#include "wire/fields.h"

namespace lorae::wire {
namespace {

template <typename M>
concept HasBody = requires(M message) {
  message.body;
};

/// Throws if arrays and maps claim more elements than the bytes can hold: msgpack allocates them
/// when it reads the claim, before it reads the elements.
class ElementBudget : public msgpack::null_visitor {
 public:
  explicit ElementBudget(std::size_t bytes) : left_(bytes) {}

  bool start_array(std::uint32_t size) { return take(size); }
  bool start_map(std::uint32_t size) { return take(2 * std::uint64_t{size}); }

 private:
  bool take(std::uint64_t elements) {
    require(elements <= left_, "more elements than bytes");
    left_ -= elements;
    return true;
  }

  std::uint64_t left_;
};

msgpack::object_handle parse(ByteView head) {
  require(head.size() <= kMaxHead, "too long");
  const char* bytes = reinterpret_cast<const char*>(head.data());
  std::size_t used = 0;
  ElementBudget budget(head.size());
  msgpack::parse(bytes, head.size(), used, budget);
  // Fields of later builds may be of any type and size that the head has room for.
  const msgpack::unpack_limit limits(kMaxHead, kMaxHead, kMaxHead, kMaxHead, kMaxHead, kMaxDepth);
  used = 0;
  auto handle = msgpack::unpack(bytes, head.size(), used, nullptr, nullptr, limits);
  require(used == head.size(), "bytes after the message");
  require(handle->type == msgpack::type::ARRAY, "not an array");
  return handle;
}

template <typename M>
M read_message(const msgpack::object_array& array,
               Bytes body) {  // NOLINT(performance-unnecessary-value-param): most kinds have none
  M message;
  read_fields(array, message);
  if constexpr (HasBody<M>) {
    message.body = std::move(body);
  } else {
    require(body.empty(), "a body where none belongs");
  }
  return message;
}

/// Tries the alternatives of Message in order until one has the wanted kind.
template <std::size_t Index = 0>
Message read_kind(std::uint64_t kind, const msgpack::object_array& array, Bytes body) {
  if constexpr (Index == std::variant_size_v<Message>) {
    throw Unreadable::unknown_kind(kind);
  } else {
    using M = std::variant_alternative_t<Index, Message>;
    return static_cast<std::uint64_t>(M::kKind) == kind
               ? read_message<M>(array, std::move(body))
               : read_kind<Index + 1>(kind, array, std::move(body));
  }
}

/// The one message that is read from every version above 0.
Message read_foreign(std::uint64_t version, const msgpack::object_array& array, Bytes body) {
  try {
    Kind kind{};
    read_field(array.ptr[2], kind);
    if (version > 0 && kind == Kind::kReject) {
      return read_message<Reject>(array, std::move(body));
    }
  } catch (const std::exception&) {  // not as we know it
  }
  throw Unreadable::other_version(version);
}

Message read(Frame frame) {
  const auto handle = parse(frame.head);
  const msgpack::object_array& array = handle->via.array;
  std::uint64_t magic = 0;
  std::uint64_t version = 0;
  std::uint64_t kind = 0;
  require(array.size >= kPrefix, "too short");
  read_field(array.ptr[0], magic);
  require(magic == kMagic, "not a LoRAE message");
  read_field(array.ptr[1], version);
  if (version != kVersion) {
    return read_foreign(version, array, std::move(frame.body));
  }
  read_field(array.ptr[2], kind);
  return read_kind(kind, array, std::move(frame.body));
}

}  // namespace

Unreadable::Unreadable(Why why, std::uint64_t version, std::uint64_t kind, const std::string& what)
    : Error(why == Why::kMalformed ? ErrorCode::kCorruptData : ErrorCode::kIncompatible,
            "[wire] " + what),
      why_(why),
      version_(version),
      kind_(kind) {}

Unreadable Unreadable::malformed(const std::string& what) {
  return {Why::kMalformed, kVersion, 0, what};
}

Unreadable Unreadable::other_version(std::uint64_t version) {
  return {Why::kOtherVersion, version, 0,
          str("message has protocol version ", version, ", this build speaks ", kVersion)};
}

Unreadable Unreadable::unknown_kind(std::uint64_t kind) {
  return {Why::kUnknownKind, kVersion, kind, str("message has the unknown kind ", kind)};
}

Frame pack(Message message) {
  Frame frame;
  std::visit(
      [&](auto& typed) {
        frame.head = pack_head(kVersion, typed, fields_to_write(typed));
        if constexpr (HasBody<std::decay_t<decltype(typed)>>) {
          frame.body = std::move(typed.body);
        }
      },
      message);
  return frame;
}

Frame pack_for(std::uint64_t version, const Reject& reject) {
  Reject typed = reject;
  return {pack_head(version, typed, Reject::kRequired), {}};
}

Result<Message, Unreadable> unpack(Frame frame) {
  const std::size_t size = frame.head.size();
  try {
    return read(std::move(frame));
  } catch (const Unreadable& error) {
    return error;
  } catch (const std::exception& error) {  // msgpack reports every malformation by throwing
    return Unreadable::malformed(str("message head of ", size, " bytes: ", error.what()));
  }
}

}  // namespace lorae::wire
