#pragma once

#include "exec_support.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Commands as things.

namespace clawdspace::test {

/// `/api/spaces/SPACE/execs/ID` and what follows.
std::string exec_path(std::string_view space, std::string_view id, std::string_view rest = "");
/// Asks for a detached command, which must be answered 202; its id.
std::string detach(const std::string& space, json::object body);
/// What is told of a command, which must be there.
json::object record_of(const std::string& space, std::string_view id);
/// The same, once it has ended.
json::object ending_of(const std::string& space, std::string_view id);

/// Follows a command's output; `query` as in `stream=raw&offset=3`.
exec_stream_client follow(const std::string& space, std::string_view id,
                          std::string_view query = "stream=raw", int receive_buffer = 0);
/// All of it, of one that has ended.
std::string output_of(const std::string& space, std::string_view id, std::string_view query = "stream=raw");
/// Reads lines of ndjson up to one whose data, with what came before it, contains `words`; what came.
std::string read_up_to(exec_stream_client& lines, std::string_view words);

/// POSTs bytes into a command.
reply feed(const std::string& space, std::string_view id, std::string_view bytes, bool close);
reply send_signal(const std::string& space, std::string_view id, const json::value& signal,
                  bool tree = false);

/// What a follower of ndjson was given: bytes with their offsets, and gaps between them.
struct account {
  struct piece {
    std::uint64_t offset = 0; ///< of its first byte
    std::string data;
  };
  std::vector<piece> pieces; ///< one after each gap
  std::uint64_t gaps = 0;    ///< bytes
  std::uint64_t end = 0;     ///< the offset after the last byte
  json::object exit;
};
account read_account(exec_stream_client& lines, std::uint64_t from = 0);
/// Lines `000000000000000\n`, `000000000000001\n` …: 16 bytes each.
std::string numbered_lines(std::size_t count);
/// Whether each piece is a part of `all`, and they stand in their order without touching one another.
bool tells_truth(const account& of, std::string_view all);

} // namespace clawdspace::test
