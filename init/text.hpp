#pragma once

#include <stddef.h>
#include <stdint.h>

namespace clawdspace::init {

/// A view of bytes: std::string_view, which this program has no library for.
class text {
  const char* data_ = "";
  size_t size_ = 0;

 public:
  constexpr text() = default;
  constexpr text(const char* data, size_t size) : data_(data), size_(size) {}
  constexpr text(const char* c_string) : data_(c_string), size_(__builtin_strlen(c_string)) {}

  constexpr const char* data() const { return data_; }
  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr char operator[](size_t i) const { return data_[i]; }
  constexpr const char* begin() const { return data_; }
  constexpr const char* end() const { return data_ + size_; }

  constexpr text first(size_t n) const { return {data_, n < size_ ? n : size_}; }
  constexpr text after(size_t n) const {
    return n < size_ ? text(data_ + n, size_ - n) : text(data_ + size_, 0);
  }

  /// Where `c` first (last) stands, or size().
  constexpr size_t find(char c) const {
    size_t i = 0;
    while (i < size_ && data_[i] != c) ++i;
    return i;
  }
  constexpr size_t find_last(char c) const {
    for (size_t i = size_; i > 0; --i)
      if (data_[i - 1] == c) return i - 1;
    return size_;
  }

  constexpr bool starts_with(text prefix) const {
    return size_ >= prefix.size_ && __builtin_memcmp(data_, prefix.data_, prefix.size_) == 0;
  }
  friend constexpr bool operator==(text a, text b) { return a.size_ == b.size_ && a.starts_with(b); }

  /// Takes off and returns what stands before the first `separator`; all of it where there is none.
  constexpr text take_until(char separator) {
    const size_t at = find(separator);
    const text head = first(at);
    *this = after(at + 1);
    return head;
  }
};

/// Decimal digits only, at most `limit`. No sign, no space; leading zeros are fine.
constexpr bool parse_number(text digits, uint64_t limit, uint64_t& value) {
  if (digits.empty()) return false;
  uint64_t n = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') return false;
    const uint64_t digit = static_cast<uint64_t>(c - '0');
    if (n > (limit - digit) / 10 || digit > limit) return false;
    n = n * 10 + digit;
  }
  value = n;
  return true;
}

/// Text of at most N bytes; what does not fit is cut off at the end.
template <size_t N> class line {
  char data_[N];
  size_t size_ = 0;

 public:
  line& operator<<(text more) {
    const size_t n = more.size() < N - size_ ? more.size() : N - size_;
    __builtin_memcpy(data_ + size_, more.data(), n);
    size_ += n;
    return *this;
  }
  line& operator<<(uint64_t number) {
    char digits[20];
    size_t at = sizeof digits;
    do digits[--at] = static_cast<char>('0' + number % 10);
    while ((number /= 10) != 0);
    return *this << text(digits + at, sizeof digits - at);
  }
  text view() const { return {data_, size_}; }
};

} // namespace clawdspace::init
