#include "cancel.hpp"
#include "failure.hpp"
#include "operations.hpp"
#include "paths.hpp"
#include "report.hpp"
#include "transfer.hpp"
#include "watch_words.hpp"
#include "watcher.hpp"

#include <array>
#include <cstdlib>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

namespace clawdspace::files {
namespace {

/// A deep tree is gone through with a descriptor a level.
void raise_descriptors() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(setrlimit(RLIMIT_NOFILE, &limit));
}

/// What the daemon asks for; the answer where it cannot be had.
std::string obey(watcher& all, const watch_command& command) {
  try {
    if (!command.add) {
      all.remove(command.id);
    } else {
      const char* home = getenv("HOME");
      all.add(command.id, command.recursive, expand(command.path, home != nullptr ? home : ""));
    }
    return {};
  } catch (const failure& why) {
    return json_line().words("id", command.id).raw(refusal_line(why).fields()).line();
  }
}

/// Whether stdin goes on.
bool take_commands(watcher& all, watch_words& words) {
  std::array<char, 16384> bytes;
  const auto n = read_some(STDIN_FILENO, bytes.data(), bytes.size(), "stdin");
  words.feed({bytes.data(), n});
  std::string answers;
  while (const auto command = words.next()) {
    const auto refused = obey(all, *command);
    answers += all.lines() + refused;
  }
  write_all(STDOUT_FILENO, answers, "stdout");
  return n > 0;
}

} // namespace

void watch() {
  raise_descriptors();
  watcher all;
  watch_words words;
  report(json_line().flag("ok", true));
  std::array<pollfd, 3> on{pollfd{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                           pollfd{.fd = all.value(), .events = POLLIN, .revents = 0},
                           pollfd{.fd = STDOUT_FILENO, .events = 0, .revents = 0}};
  constexpr int pair_ms = 10; // both halves of a move are there within it
  for (;;) {
    const int ready = poll(on.data(), on.size(), all.is_unsettled() ? pair_ms : -1);
    check_canceled();
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) throw failure_of("poll");
    if (ready == 0) all.settle();
    if ((on[2].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return;
    if (on[1].revents != 0) all.take_events();
    write_all(STDOUT_FILENO, all.lines(), "stdout");
    if (on[0].revents != 0 && !take_commands(all, words)) return;
  }
}

} // namespace clawdspace::files
