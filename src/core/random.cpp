#include <clawdspace/core/random.hpp>

#include <cerrno>
#include <sys/random.h>
#include <system_error>
#include <vector>

namespace clawdspace {

std::string random_hex(std::size_t size) {
  std::vector<unsigned char> raw(size);
  for (std::size_t have = 0; have < size;) {
    const auto n = ::getrandom(raw.data() + have, size - have, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw std::system_error(errno, std::system_category(), "getrandom");
    have += static_cast<std::size_t>(n);
  }
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(size * 2);
  for (const auto byte : raw) (text += digits[byte >> 4]) += digits[byte & 15];
  return text;
}

} // namespace clawdspace
