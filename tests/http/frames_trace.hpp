#pragma once

#include "frames.hpp"

#include <string>
#include <string_view>

namespace clawdspace::test {

/// What a codec makes of a client's bytes, fed in pieces: `text …|binary …|ping …|close 1000 …|failed 1002`.
/// Pieces of one binary message are put together; `...` stands for what is still to come of it.
inline std::string trace(std::string_view bytes, std::size_t piece, clawdspace::bytes text_limit) {
  using kind = http::frame_step::kind;
  http::frame_codec codec(text_limit);
  std::string out;
  bool in_binary = false;
  const auto add = [&](std::string_view word, const http::frame_step& step) {
    if (!out.empty()) out += '|';
    out.append(word).append(reinterpret_cast<const char*>(step.data.data()), step.data.size());
  };
  for (std::size_t at = 0;;) {
    const auto input = bytes.substr(at, piece);
    const auto step = codec.feed(std::as_bytes(std::span(input)));
    at += step.taken;
    switch (step.what) {
    case kind::need_more:
      if (at < bytes.size()) continue;
      return in_binary ? out + "..." : out;
    case kind::text:
      add("text ", step);
      break;
    case kind::binary:
      if (step.first)
        add("binary ", step);
      else
        out.append(reinterpret_cast<const char*>(step.data.data()), step.data.size());
      in_binary = !step.last;
      break;
    case kind::ping:
    case kind::pong:
      if (in_binary) {
        out += step.what == kind::ping ? "(ping " : "(pong ";
        out.append(reinterpret_cast<const char*>(step.data.data()), step.data.size()) += ')';
      } else {
        add(step.what == kind::ping ? "ping " : "pong ", step);
      }
      break;
    case kind::close:
    case kind::failed:
      add(step.what == kind::close ? "close " : "failed ", {});
      out += std::to_string(static_cast<unsigned>(step.code));
      if (step.what == kind::failed) return out;
      return out.append(" ").append(step.reason);
    }
  }
}

} // namespace clawdspace::test
