#pragma once

#include <clawdspace/core/unique_fd.hpp>

#include <string>
#include <string_view>

namespace clawdspace::files {

/// An absolute path: `~` is `home`, or `/` where that is no absolute path itself. Throws failure.
std::string expand(std::string_view path, std::string_view home);

/// A path as the folder that holds it and the name in there. The root has no name.
struct path_parts {
  std::string folder; // empty: the one that the path begins from
  std::string name;
  bool slash = false; // ended with one: it can only be a folder
};
path_parts split(std::string_view path);

/// A name in an open folder.
struct place {
  unique_fd folder; // O_PATH
  std::string name;
  std::string path; // for words
  bool slash = false;
};

/// Opens the folder that holds the path, from the folder `from` where it is relative. Makes it and those
/// above it where that is asked for. Throws failure; `invalid` for `/` and a last component `.` or `..`.
place find_place(std::string_view path, bool make_parents, int from = -100 /* AT_FDCWD */);

/// The place that a chain of links at `where` ends in, which there may be nothing at.
place follow(place where);

/// The text of a link. Throws failure.
std::string read_link(int folder, const std::string& name);

} // namespace clawdspace::files
