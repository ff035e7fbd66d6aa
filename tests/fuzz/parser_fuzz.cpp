#include "../http/trace.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

using namespace clawdspace;
using http::parser;

namespace {

std::string read(parser::role role, bool stream, std::string_view input, std::size_t piece) {
  // Small, so that a fuzzer reaches them.
  parser p(role, {.head = 1_KiB, .header_count = 8, .chunk_overhead = clawdspace::bytes{64}});
  p.expect_response_to(stream ? "POST" : "GET", stream);
  return test::trace(p, role, input, piece, true);
}

} // namespace

/// The first byte chooses the role and the size of the pieces; what follows are the peer's bytes. Whole or in
/// pieces, they must give the same events, and neither may touch memory that is not theirs.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto role = (data[0] & 1) != 0 ? parser::role::client : parser::role::server;
  const bool stream = (data[0] & 2) != 0;
  const std::size_t piece = 1 + (data[0] >> 2);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = read(role, stream, bytes, bytes.size());
  const auto pieces = read(role, stream, bytes, piece);
  if (whole == pieces) return 0;
  std::fprintf(stderr, "whole:  %s\npieces: %s\n", whole.c_str(), pieces.c_str());
  std::abort();
}
