#include "report.hpp"

namespace clawdspace::init {
namespace {

constexpr bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// At most `limit` bytes, without a character cut in two.
text cut(text words, size_t limit) {
  if (words.size() <= limit) return words;
  while (limit > 0 && continues_character(words[limit])) --limit;
  return words.first(limit);
}

} // namespace

start_problem make_problem(door::start_failure code, int error, text words) {
  start_problem problem;
  problem.code = code;
  problem.error = error;
  const text kept = cut(words, sizeof problem.words);
  __builtin_memcpy(problem.words, kept.data(), kept.size());
  problem.size = static_cast<unsigned short>(kept.size());
  return problem;
}

report frame(text token, text body) {
  constexpr text edge(&door::report_edge, 1);
  report r;
  r << edge << token.first(door::token_limit) << text(&door::report_colon, 1);
  for (char c : cut(body, door::report_limit - r.view().size() - 1)) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    r << (control ? text("?") : text(&c, 1));
  }
  r << edge;
  return r;
}

report frame_started(text token, int pid) {
  line<64> body;
  body << door::report_started << " " << static_cast<uint64_t>(pid);
  return frame(token, body.view());
}

report frame_failed(text token, const start_problem& problem) {
  line<door::report_limit> body;
  body << door::report_failed << " " << door::start_failures[static_cast<unsigned char>(problem.code)] << " "
       << static_cast<uint64_t>(problem.error) << " " << problem.view();
  return frame(token, body.view());
}

report frame_ended(text token, ending end, oom_growth oom, bool tree_gone) {
  line<128> body;
  body << door::report_ended << " " << (end.signaled ? door::report_signaled : door::report_exited) << " "
       << static_cast<uint64_t>(end.number) << " " << door::report_oom;
  if (oom.known)
    body << oom.kills;
  else
    body << door::report_unknown;
  if (tree_gone) body << " " << door::report_tree_gone;
  return frame(token, body.view());
}

} // namespace clawdspace::init
