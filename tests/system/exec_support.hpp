#pragma once

#include "exec_daemon.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <http/raw_client.hpp>
#include <map>
#include <string>
#include <string_view>

// Clients that look at every byte.

namespace clawdspace::test {

struct reply {
  int status = 0;
  json::value body; ///< a text where it is no JSON, null where there is none

  [[nodiscard]] std::string code() const;  ///< of an error
  [[nodiscard]] std::string words() const; ///< likewise
};
/// Of the daemon that the case talks to; GET has no body, and a text is sent as bytes.
reply ask(std::string_view method, const std::string& path, const json::value& body = json::object{});

reply ask_at(unsigned short port, std::string_view method, const std::string& path,
             const json::value& body = json::object{});

/// Holds an answer to be an error with this status and code, in words that contain `names`.
void check_error(const reply& r, int status, std::string_view code, std::string_view names = "");
/// What this backend cannot do is refused with words.
void check_refused(const reply& r);

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
} // namespace clawdspace::test
