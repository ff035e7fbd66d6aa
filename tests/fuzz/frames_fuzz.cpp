#include "../http/frames_trace.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

using namespace clawdspace;

/// The first byte is the size of the pieces; what follows are a WebSocket client's bytes. Whole or in pieces,
/// they must give the same messages, and neither may touch memory that is not theirs.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = 1 + data[0];
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  // Small, so that a fuzzer reaches it.
  const auto whole = test::trace(input, input.size(), clawdspace::bytes{64});
  const auto pieces = test::trace(input, piece, clawdspace::bytes{64});
  if (whole == pieces) return 0;
  std::fprintf(stderr, "whole:  %s\npieces: %s\n", whole.c_str(), pieces.c_str());
  std::abort();
}
