#pragma once

#include <clawdspace/http/parser.hpp>

#include <algorithm>
#include <string>
#include <string_view>

namespace clawdspace::test {

/// What a parser makes of `bytes`, fed in pieces of `piece` bytes: `head … |body …|end|error 400`. Adjacent
/// pieces of a body are one. Stops at an error or a stream. `close`: the peer closes after the last byte.
inline std::string trace(http::parser& p, http::parser::role role, std::string_view bytes, std::size_t piece,
                         bool close = false) {
  using kind = http::parse_step::kind;
  std::string out;
  bool in_body = false;
  const auto note = [&](const http::parse_step& step) {
    if (step.what != kind::body && step.what != kind::need_more && in_body) {
      out += '|';
      in_body = false;
    }
    switch (step.what) {
    case kind::need_more:
      break;
    case kind::head:
      if (role == http::parser::role::server) {
        const auto& head = p.request();
        out += head.method + ' ' + head.path + (head.query.empty() ? "" : "?" + head.query);
        for (const auto& line : head.headers)
          if (!http::iequals(line.name, "host")) out += ' ' + line.name + '=' + line.value;
        if (!head.keep_alive) out += " close";
      } else {
        const auto& head = p.response();
        out += std::to_string(head.status);
        if (!head.keep_alive) out += " close";
      }
      out += '|';
      break;
    case kind::body:
      if (!in_body) out += "body ";
      in_body = true;
      out.append(reinterpret_cast<const char*>(step.data.data()), step.data.size());
      break;
    case kind::interim:
      out += "interim " + std::to_string(p.response().status) + '|';
      break;
    case kind::end:
      out += "end|";
      break;
    case kind::upgraded:
      out += "stream|";
      break;
    }
  };
  std::size_t at = 0;
  bool nothing_next = false;
  while (at < bytes.size()) {
    // Nothing at all between any two pieces must change nothing.
    nothing_next = !nothing_next && piece < bytes.size();
    const auto given = nothing_next ? std::string_view() : bytes.substr(at, piece);
    const auto step = p.feed(std::as_bytes(std::span(given)));
    if (!step) return out + (in_body ? "|" : "") + "error " + std::to_string(p.status());
    at += step->taken;
    note(*step);
    if (step->what == kind::upgraded) return out + std::string(bytes.substr(at));
  }
  for (;;) {
    const auto step = p.feed({});
    if (!step) return out + "error " + std::to_string(p.status());
    if (step->what == kind::need_more) break;
    note(*step);
    if (step->what == kind::upgraded) return out;
  }
  if (close) {
    const auto step = p.finish();
    if (!step) return out + (in_body ? "|" : "") + "cut";
    note(*step);
  }
  if (in_body) out += '|';
  if (!close && p.in_message()) out += "more";
  if (!out.empty() && out.back() == '|') out.pop_back();
  return out;
}

} // namespace clawdspace::test
