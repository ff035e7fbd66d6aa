#pragma once

#include "options.hpp"

#include <string>

namespace clawdspace::files {

/// What the operations of protocol.hpp do; `path` and `to` are expanded. They report their head, and their
/// end where there is one, and throw failure: the head then, or the end.
void read_file(const options& o, const std::string& path);
void stat_file(const options& o, const std::string& path);
void list_folder(const options& o, const std::string& path);
void write_file(const options& o, const std::string& path);
void remove_file(const options& o, const std::string& path);
void make_folder(const options& o, const std::string& path);
void rename_file(const options& o, const std::string& path, const std::string& to);
void copy_file(const options& o, const std::string& path, const std::string& to);
void change_mode(const options& o, const std::string& path);
void make_link(const options& o, const std::string& path);
void pack(const std::string& path);
void unpack(const options& o, const std::string& path);
void watch();

} // namespace clawdspace::files
