#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <utility>

namespace clawdspace {

/// A text that is read in pieces, as what comes from a connection is.
class text_reader {
 public:
  explicit text_reader(std::string text) : text_(std::move(text)) {}

  /// How many bytes it put there; 0: there are no more.
  std::size_t read_some(std::span<std::byte> into) {
    const auto n = std::min(into.size(), text_.size() - at_);
    std::memcpy(into.data(), text_.data() + at_, n);
    at_ += n;
    return n;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

} // namespace clawdspace
