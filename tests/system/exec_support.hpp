#pragma once

#include <clawdspace/core/unique_fd.hpp>

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <http/raw_client.hpp>
#include <map>
#include <string>
#include <string_view>

// A real daemon as a process of its own, a real Engine below it, and clients that look at every byte.

namespace clawdspace::test {

namespace json = boost::json;

class exec_daemon;
exec_daemon& daemon();

/// The daemon that all cases of this runner share: started with the first, ended after the last.
class exec_daemon {
 public:
  exec_daemon();
  exec_daemon(const exec_daemon&) = delete;
  exec_daemon& operator=(const exec_daemon&) = delete;
  ~exec_daemon();

  [[nodiscard]] unsigned short port() const noexcept { return port_; }
  [[nodiscard]] std::size_t resident_kib() const;
  /// Made once with these fields and kept; its name.
  std::string space(const std::string& kind, json::object fields = {});
  void remove_spaces();

 private:
  friend exec_daemon& daemon();
  void wait_until_ready();
  std::string folder_;
  int pid_ = -1;
  unsigned short port_ = 0;
  std::map<std::string, std::string> spaces_;
};

struct reply {
  int status = 0;
  json::value body;
};
reply ask(std::string_view method, const std::string& path, const json::value& body = json::object{});

/// A buffered exec that must be answered 200: a text for the shell, or the whole body.
json::object exec(const std::string& space, std::string_view command);
json::object exec(const std::string& space, json::object body);

std::string text(const json::object& from, std::string_view name);
/// stdout, whichever way it came.
std::string output_of(const json::object& answer);

/// An exec whose answer is read as it comes.
class exec_stream_client {
 public:
  /// `request_line` as in `POST /api/…`; sends the head and the body.
  exec_stream_client(const std::string& request_line, std::string_view body, std::string_view headers = "",
                     int receive_buffer = 0);

  raw_client& wire() noexcept { return wire_; }
  /// Waits for the head; its status.
  int head();
  [[nodiscard]] std::string header(std::string_view name) const;
  /// One chunk; empty at the end, when the trailers are there.
  std::string chunk();
  /// Everything to the end.
  std::string rest();
  /// One line of ndjson; an empty object at the end.
  json::object line();
  [[nodiscard]] const std::map<std::string, std::string>& trailers() const noexcept { return trailers_; }

 private:
  raw_client wire_;
  std::string head_;
  std::string pending_;
  std::map<std::string, std::string> trailers_;
  bool over_ = false;
};

exec_stream_client stream_json(const std::string& space, std::string_view form, const json::object& body,
                               int receive_buffer = 0);

std::string sha256(std::string_view bytes);
/// Bytes that look random and are the same for the same seed.
std::string noise(std::size_t size, unsigned seed = 1);
std::string from_base64(std::string_view text);
std::string to_query(std::string_view text);

/// How many processes of the space have `argument` as one of theirs.
int count_processes(const std::string& space, std::string_view argument);
/// Whether it becomes true within the time.
bool comes_true(const std::function<bool()>& condition,
                std::chrono::milliseconds within = std::chrono::seconds(15));

} // namespace clawdspace::test
