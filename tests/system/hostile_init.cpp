// What stands in the place of clawdspace-init in a space that means harm: PID 1, with the door before it. The
// file
// /.clawdspace/part says what it plays. Static, against musl, as init is: it needs nothing from the image.

#include <clawdspace/door/protocol.hpp>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace door = clawdspace::door;

namespace {

char part[64];

bool plays(const char* what) { return strcmp(part, what) == 0; }

int connect_to_door() {
  for (;;) {
    const int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    struct sockaddr_un where = {};
    where.sun_family = AF_UNIX;
    strcpy(where.sun_path, door::socket_path);
    if (s >= 0 && connect(s, reinterpret_cast<struct sockaddr*>(&where), sizeof where) == 0) return s;
    if (s >= 0) close(s);
    usleep(door::retry_ms * 1000);
  }
}

// One frame; `words` with spaces where its NULs are to be.
bool send_frame(int s, const char* words, const int* fds = nullptr, int count = 0) {
  char frame[door::frame_limit];
  const size_t size = strlen(words) + 1;
  memcpy(frame, words, size);
  for (size_t i = 0; i < size; ++i)
    if (frame[i] == ' ') frame[i] = '\0';
  struct iovec bytes = {frame, size};
  struct msghdr message = {};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * 64)] = {};
  if (count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * static_cast<size_t>(count));
    struct cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int) * static_cast<size_t>(count));
    memcpy(CMSG_DATA(head), fds, sizeof(int) * static_cast<size_t>(count));
  }
  return sendmsg(s, &message, MSG_NOSIGNAL) >= 0;
}

bool greet(int s) {
  char hello[64];
  snprintf(hello, sizeof hello, "hello %u %d%d", door::door_version, rand(), getpid());
  return send_frame(s, hello) && send_frame(s, "ready");
}

// What is asked; the verb and the id. False when the daemon has closed.
bool receive(int s, char* verb, char* id, size_t size) {
  static char frame[door::frame_limit + 1];
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * door::descriptor_limit)];
  struct iovec bytes = {frame, door::frame_limit};
  struct msghdr message = {};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t n = recvmsg(s, &message, MSG_CMSG_CLOEXEC);
  if (n <= 0) return false;
  frame[n] = '\0';
  snprintf(verb, size, "%s", frame);
  const char* second = frame + strlen(frame) + 1;
  snprintf(id, size, "%s", second < frame + n ? second : "");
  return true;
}

/// Something that is no terminal, for a frame that should bring one.
int wrong_descriptor() {
  if (plays("folder")) return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (plays("socket")) return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (plays("file")) return open("/.clawdspace/part", O_RDONLY | O_CLOEXEC);
  if (plays("device")) return open("/dev/zero", O_RDONLY | O_CLOEXEC);
  int pair[2] = {-1, -1};
  return pipe2(pair, O_CLOEXEC) == 0 ? pair[0] : -1; // whose other end nobody closes
}

void serve(int s) {
  char verb[128];
  char id[128];
  char answer[512];
  while (receive(s, verb, id, sizeof verb)) {
    if (strcmp(verb, "spawn") != 0 && strcmp(verb, "spawn-large") != 0) continue;
    if (plays("mute")) continue;
    if (plays("liar")) { // it tells endings of what nobody asked for, and several of what somebody did
      send_frame(s, "ended 0123456789abcdef01234567 exited 0 oom=0");
      send_frame(s, "gone 0123456789abcdef01234567 confirmed");
      snprintf(answer, sizeof answer, "ended %s exited 99999999999999999999 oom=x", id);
    } else if (plays("crowd")) { // more descriptors than go with a frame
      int many[64];
      for (int& one : many) one = 0;
      snprintf(answer, sizeof answer, "started %s 7", id);
      send_frame(s, answer, many, 64);
      continue;
    } else {
      snprintf(answer, sizeof answer, "started %s 7", id);
      const int fd = wrong_descriptor();
      send_frame(s, answer, &fd, 1);
      continue;
    }
    send_frame(s, answer);
  }
}

void play(int s) {
  if (plays("silent")) {
    for (;;) pause();
  } else if (plays("garbage")) {
    const char noise[] = "\x01\xff no frame of anybody's";
    send(s, noise, sizeof noise - 1, MSG_NOSIGNAL); // without the NUL that ends a word
    greet(s);
    serve(s);
  } else if (plays("future")) {
    send_frame(s, "hello 4000000000 x");
    send_frame(s, "ready");
    serve(s);
  } else if (plays("flood")) {
    greet(s);
    while (send_frame(s, "gone 0123456789abcdef01234567 confirmed")) {
    }
  } else if (plays("fat")) { // a greeting without an end
    send_frame(s, "hello 1 x");
    for (unsigned i = 0;; ++i) {
      char words[128];
      snprintf(words, sizeof words, "command %024x running %u fds=", i, i + 2);
      if (!send_frame(s, words)) return;
    }
  } else {
    greet(s);
    serve(s);
  }
}

} // namespace

int main() {
  if (getpid() != 1) return 1; // it was asked to run a command through the Engine
  const int file = open("/.clawdspace/part", O_RDONLY | O_CLOEXEC);
  const ssize_t n = file < 0 ? -1 : read(file, part, sizeof part - 1);
  if (n < 0) return 2;
  close(file);
  if (n > 0 && part[n - 1] == '\n') part[n - 1] = '\0';
  for (;;) {
    const int s = connect_to_door();
    play(s);
    close(s);
  }
}
