#include "response_head.hpp"

#include <clawdspace/core/error.hpp>

#include <algorithm>
#include <array>

namespace clawdspace::http {

namespace {

bool is_ours(std::string_view name) {
  constexpr std::array<std::string_view, 6> names = {
      "content-length", "transfer-encoding", "connection", "trailer", "date", "x-request-id"};
  return std::any_of(names.begin(), names.end(), [&](std::string_view ours) { return iequals(ours, name); });
}

} // namespace

bool has_body(int status) noexcept { return status / 100 != 1 && status != 204 && status != 304; }

void write_field(std::string& out, std::string_view name, std::string_view value) {
  constexpr std::string_view line_ends{"\r\n\0", 3};
  if (name.empty() || name.find_first_of(line_ends) != name.npos || name.find(':') != name.npos ||
      value.find_first_of(line_ends) != value.npos)
    throw error(errc::internal, "a header that would break its line: '" + std::string(name) + "'");
  out.append(name).append(": ").append(value).append("\r\n");
}

void write_head(std::string& out, int status, const fields& headers, const response_frame& frame) {
  out.append("HTTP/1.1 ")
      .append(std::to_string(status))
      .append(" ")
      .append(reason_phrase(status))
      .append("\r\n");
  for (const auto& line : headers)
    if (!is_ours(line.name)) write_field(out, line.name, line.value);
  if (frame.body == framing::length)
    write_field(out, "Content-Length", std::to_string(frame.length));
  else if (frame.body == framing::chunked)
    write_field(out, "Transfer-Encoding", "chunked");
  if (!frame.trailers.empty()) write_field(out, "Trailer", frame.trailers);
  std::string connection = !frame.keep_alive ? "close" : frame.version_minor == 0 ? "keep-alive" : "";
  if (headers.contains("upgrade")) connection += connection.empty() ? "Upgrade" : ", Upgrade";
  if (!connection.empty()) write_field(out, "Connection", connection);
  write_field(out, "Date", frame.date);
  write_field(out, "X-Request-Id", frame.id);
  out += "\r\n";
}

void write_relayed_head(std::string& out, const relayed_head& head, const response_frame& frame) {
  out.append("HTTP/1.1 ").append(std::to_string(head.status)).append(" ");
  out.append(head.reason.empty() ? reason_phrase(head.status) : std::string_view(head.reason)).append("\r\n");
  bool dated = false;
  bool named = false;
  for (const auto& line : head.headers) {
    if (iequals(line.name, "content-length") || iequals(line.name, "transfer-encoding") ||
        iequals(line.name, "connection"))
      continue;
    dated = dated || iequals(line.name, "date");
    named = named || iequals(line.name, "x-request-id");
    write_field(out, line.name, line.value);
  }
  // A 304 tells the length that there would be; the other bodiless ones have none to tell.
  if (head.length && (frame.body == framing::length || head.status == 304))
    write_field(out, "Content-Length", std::to_string(*head.length));
  else if (frame.body == framing::chunked)
    write_field(out, "Transfer-Encoding", "chunked");
  std::string connection = !frame.keep_alive ? "close" : frame.version_minor == 0 ? "keep-alive" : "";
  if (head.headers.contains("upgrade")) connection += connection.empty() ? "Upgrade" : ", Upgrade";
  if (!connection.empty()) write_field(out, "Connection", connection);
  if (!dated) write_field(out, "Date", frame.date);
  if (!named) write_field(out, "X-Request-Id", frame.id);
  out += "\r\n";
}

void write_interim_head(std::string& out, int status, const fields& headers) {
  out.append("HTTP/1.1 ").append(std::to_string(status)).append(" ").append(reason_phrase(status));
  out += "\r\n";
  for (const auto& line : headers) write_field(out, line.name, line.value);
  out += "\r\n";
}

} // namespace clawdspace::http
