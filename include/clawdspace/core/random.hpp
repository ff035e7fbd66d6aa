#pragma once

#include <cstddef>
#include <string>

namespace clawdspace {

/// `size` bytes from the kernel's generator, as lower-case hexadecimal (two characters a byte).
std::string random_hex(std::size_t size);

} // namespace clawdspace
