#pragma once

#include <utility>
#include <variant>

#include "base/error.h"

namespace lorae {

/// A value, or the Error that explains why there is none.
///
/// For bytes that come from a peer or a disk: code that reads them returns a Result and never
/// throws past its folder. `E` is Error, or a class of it that says more.
template <typename T, typename E = Error>
class Result {
 public:
  Result(T value) : state_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(E error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const noexcept { return std::holds_alternative<T>(state_); }
  explicit operator bool() const noexcept { return ok(); }

  /// Errors: rethrows the held Error.
  T& value() & {
    rethrow();
    return std::get<T>(state_);
  }
  const T& value() const& {
    rethrow();
    return std::get<T>(state_);
  }
  T&& value() && {
    rethrow();
    return std::get<T>(std::move(state_));
  }

  /// Precondition: !ok().
  const E& error() const { return std::get<E>(state_); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  void rethrow() const {
    if (!ok()) {
      throw std::get<E>(state_);
    }
  }

  std::variant<T, E> state_;
};

}  // namespace lorae
