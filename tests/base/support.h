#pragma once

#include <functional>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "tests/base/temporary_folder.h"

namespace lorae {

/// The code and the text of the lorae::Error that `call` throws; any other exception escapes.
inline std::pair<ErrorCode, std::string> error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {ErrorCode::kInvalidArgument, "no error"};
}

/// The text of the Error, which has to be kInvalidConfig: a person's mistake.
inline std::string config_error(const std::function<void()>& call) {
  const auto [code, text] = error_of(call);
  return code == ErrorCode::kInvalidConfig ? text : "not kInvalidConfig: " + text;
}

inline Bytes bytes_from(std::string_view text) {
  return copy_of(view_of(text));
}

/// The bytes that `hex` spells; spaces are for the reader.
inline Bytes from_hex(std::string_view hex) {
  std::string digits;
  for (const char c : hex) {
    if (c != ' ') {
      digits += c;
    }
  }
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

/// `bytes` with one bit turned over.
inline Bytes flipped(Bytes bytes, std::size_t byte, unsigned bit) {
  bytes.at(byte) ^= static_cast<std::byte>(1U << bit);
  return bytes;
}

inline Bytes first(const Bytes& bytes, std::size_t size) {
  return copy_of(ByteView(bytes).first(size));
}

}  // namespace lorae
