#pragma once

#include "conditions.hpp"
#include "json_line.hpp"
#include "paths.hpp"

#include <string>
#include <string_view>
#include <sys/stat.h>

namespace clawdspace::files {

/// A file as the protocol shows it.
struct entry {
  std::string name;
  struct stat about = {};
  std::string target; // of a symlink
};

/// Reads what stands at a name in an open folder; nothing is followed. Throws failure with `path` in its
/// words.
entry look(int folder, const std::string& name, std::string_view path);
/// The same for a whole path.
entry look(const std::string& path, bool follow_links);

void add_entry(json_line& line, const entry& e);
std::string etag_of(const struct stat& about);
/// The validators of what is there; the etag's text must outlive them.
validators validators_of(const struct stat& about, std::string_view etag);

/// `{"ok":true, …entry,"etag"}` without braces.
json_line told(const entry& e);

/// Whether the size of files on this descriptor's filesystem says nothing (/proc, /sys and their like).
bool is_sizeless(int fd);

} // namespace clawdspace::files
