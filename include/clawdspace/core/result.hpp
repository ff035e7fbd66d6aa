#pragma once

#include <clawdspace/core/error.hpp>

#include <tl/expected.hpp>

namespace clawdspace {

/// What a parser of untrusted bytes returns: a value, or why there is none. std::expected's interface.
template <class T> using result = tl::expected<T, error>;

inline tl::unexpected<error> failure(errc code, const std::string& what) {
  return tl::unexpected(error(code, what));
}

/// The value, or its error thrown: for callers whose own errors are exceptions.
template <class T> T value_or_throw(result<T> r) {
  if (!r) throw std::move(r).error();
  return std::move(*r);
}

} // namespace clawdspace
