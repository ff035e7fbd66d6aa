#include "doorkeeper.hpp"
#include "helpers.hpp"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

// What the daemon asks of the space's network.

namespace clawdspace::init {

/// A child for what may take its time. It ends with the space, and when nobody is left to answer.
template <class Part> void doorkeeper::help(int answer, Part part) {
  pid_t* place = nullptr;
  for (pid_t& helper : helpers_)
    if (helper == 0) place = &helper;
  const pid_t pid = place && !stopping_ ? fork() : -1;
  if (pid == 0) {
    dup2(answer, news_fd); // what subreapers say with is not for this one, nor anything else
    close_descriptors(news_fd + 1, ~0U);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    part(news_fd);
  }
  if (pid < 0)
    refuse_connection(answer, EAGAIN);
  else
    *place = pid;
  close(answer);
}

/// False: that is no frame of the protocol.
bool doorkeeper::connect(frame_words words, descriptor_list& with) {
  text kind;
  text where;
  text more;
  if (with.size() != 1 || !words.next(kind) || !words.next(where) || !words.next(more)) return false;
  if (kind == "tcp") {
    if (!stopping_ && has_room_for(2 * (connector_.size() + 1)))
      return connector_.begin(where, more, with.take(), now_ms());
    int answer = with.take();
    refuse_connection(answer, EAGAIN);
    close_descriptor(answer);
    return true;
  }
  text image_user;
  if (kind != "unix" || where.empty() || where[0] != '/' || !words.next(image_user)) return false;
  const bool strict = more != "standard";
  help(with.take(), [&](int answer) { carry_unix(answer, where, image_user, strict); });
  return true;
}

bool doorkeeper::list(frame_words words, descriptor_list& with) {
  if (with.size() != 1) return false;
  text word;
  const bool names = words.next(word) && word == "names";
  help(with.take(), [&](int answer) { list_listeners(answer, names); });
  return true;
}

} // namespace clawdspace::init
