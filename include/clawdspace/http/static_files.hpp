#pragma once

#include <clawdspace/core/task.hpp>
#include <clawdspace/http/exchange.hpp>

#include <filesystem>
#include <map>
#include <string>

namespace clawdspace::http {

/// The files of one folder, read once at start (nothing on the loop ever waits for a disk), served with their
/// types, strong ETags, conditional requests (RFC 9110 section 13) and single ranges (section 14). Only what
/// was there at start can be asked for, so there is no way out of the folder; symbolic links are not
/// followed.
class static_files {
 public:
  /// Throws errc::invalid_field where the folder cannot be read, or holds more than `limit` in all.
  static static_files load(const std::filesystem::path& folder, bytes limit = 64_MiB);

  [[nodiscard]] bool contains(std::string_view path) const;
  /// Answers GET and HEAD for a path of the folder; `/` is `/index.html`. Throws errc::route_not_found
  /// otherwise.
  task<> serve(exchange& x) const;

 private:
  struct file {
    std::string content;
    std::string type;
    std::string etag;
    std::int64_t modified = 0;
  };
  [[nodiscard]] const file* find(std::string_view path) const;

  std::map<std::string, file, std::less<>> files_;
};

} // namespace clawdspace::http
