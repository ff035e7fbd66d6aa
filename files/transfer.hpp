#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace clawdspace::files {

/// Writes all of it, waiting for the reader. Throws failure with `what` in its words.
void write_all(int fd, std::string_view bytes, std::string_view what);

/// Reads at most `room` bytes; 0 is the end. Throws failure.
std::size_t read_some(int fd, char* into, std::size_t room, std::string_view what);

/// Makes a pipe as large as the host allows without privileges; other descriptors are left as they are.
void widen_pipe(int fd);

/// Moves `length` bytes of the file from `offset` to `out`, in the kernel where it can. Returns how many
/// there were: fewer where the file ends before. Throws failure.
std::int64_t send_file(int file, std::int64_t offset, std::int64_t length, int out, std::string_view path);

/// Moves what comes from `in` to the file's end: `length` bytes, or all until the end. Returns how many came.
std::int64_t receive_file(int in, int file, std::optional<std::int64_t> length, std::string_view path);

/// Copies a file's content into an empty one, holes kept, sharing extents where the filesystem can.
void copy_content(int from, int to, std::int64_t size, std::string_view path);

/// Reads until the end, or until `length` bytes have gone by, and lets it go.
void drain(int in);

} // namespace clawdspace::files
