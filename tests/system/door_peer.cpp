#include "door_peer.hpp"

#include <clawdspace/door/protocol.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace clawdspace::test {
namespace {

using clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::system_category(), what); }

bool ready(int fd, short events, clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
    pollfd wait{fd, events, 0};
    const int n = ::poll(&wait, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (n > 0) return true;
    if (n == 0) return false;
    if (errno != EINTR) fail("poll");
  }
}

std::string bytes_of(const std::vector<std::string>& words) {
  std::string bytes;
  for (const auto& word : words) bytes += word + '\0';
  return bytes;
}

bool has(const std::vector<std::string>& options, const char* option) {
  return std::find(options.begin(), options.end(), option) != options.end();
}

door_command start(door_connection& door, const std::string& id, std::vector<std::string> words,
                   const std::vector<std::string>& argv, bool large) {
  door_command made;
  made.id = id;
  const bool tty = has(words, door::option_tty);
  std::vector<unique_fd> theirs;
  std::vector<unique_fd> spare;
  const auto keep = [&spare](const unique_fd& end) {
    spare.emplace_back(::fcntl(end.value(), F_DUPFD_CLOEXEC, 0));
  };
  if (has(words, door::option_input) && !tty) {
    auto [read, write] = make_pipe();
    theirs.push_back(std::move(read));
    keep(write);
    made.in = std::move(write);
  }
  for (unique_fd* mine : {&made.out, &made.err}) {
    if (tty) continue;
    auto [read, write] = make_pipe();
    theirs.push_back(std::move(write));
    keep(read);
    *mine = std::move(read);
  }
  const bool outlives = has(words, door::option_outlive);
  if (outlives) spare.push_back(make_memfd("the history of " + id, false));

  words.insert(words.begin(), {"spawn", id});
  words.emplace_back("--");
  words.insert(words.end(), argv.begin(), argv.end());
  std::vector<int> fds;
  unique_fd memory;
  if (large) {
    memory = make_memfd(bytes_of(words), true);
    fds.push_back(memory.value());
    words = {"spawn-large", id};
  }
  for (const auto& fd : theirs) fds.push_back(fd.value());
  if (outlives)
    for (const auto& fd : spare) fds.push_back(fd.value());
  door.send(words, fds);
  return made;
}

} // namespace

std::string door_frame::text() const {
  std::string all;
  for (const auto& word : words) all += (all.empty() ? "" : " ") + word;
  return all;
}

void door_connection::send(const std::vector<std::string>& words, const std::vector<int>& fds) {
  send_bytes(bytes_of(words), fds);
}

void door_connection::send_bytes(const std::string& bytes, const std::vector<int>& fds) {
  std::array<char, CMSG_SPACE(sizeof(int) * 64)> control{};
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(head), fds.data(), sizeof(int) * fds.size());
  }
  if (!ready(socket_.value(), POLLOUT, clock::now() + 10s)) throw std::runtime_error("init reads nothing");
  if (::sendmsg(socket_.value(), &message, MSG_NOSIGNAL) < 0) fail("sendmsg");
}

std::optional<door_frame> door_connection::next(bound limit) {
  if (!ready(socket_.value(), POLLIN, clock::now() + limit)) return std::nullopt;
  std::vector<char> bytes(door::frame_limit + 1);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 64)> control{};
  iovec part{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const auto size = ::recvmsg(socket_.value(), &message, MSG_CMSG_CLOEXEC);
  if (size < 0) fail("recvmsg");
  door_frame frame;
  if (const cmsghdr* const head = CMSG_FIRSTHDR(&message); head != nullptr && head->cmsg_type == SCM_RIGHTS)
    for (std::size_t i = 0; i < (head->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
      frame.fds.emplace_back(fd);
    }
  if (size == 0) throw std::runtime_error("init has closed the door");
  if (static_cast<unsigned>(size) > door::frame_limit || bytes[static_cast<std::size_t>(size) - 1] != '\0')
    throw std::runtime_error("this is no frame");
  for (const char* at = bytes.data(); at < bytes.data() + size; at += frame.words.back().size() + 1)
    frame.words.emplace_back(at);
  return frame;
}

door_frame door_connection::receive(bound limit) {
  if (!kept_.empty()) {
    door_frame first = std::move(kept_.front());
    kept_.pop_front();
    return first;
  }
  if (auto frame = next(limit)) return std::move(*frame);
  throw std::runtime_error("no frame within the time");
}

door_frame door_connection::receive_about(const std::string& id, bound limit) {
  const auto is_it = [&id](const door_frame& f) { return f.words.size() > 1 && f.words[1] == id; };
  const auto deadline = clock::now() + limit;
  for (auto at = kept_.begin();; at = kept_.end()) {
    at = std::find_if(kept_.begin(), kept_.end(), is_it);
    if (at != kept_.end()) {
      door_frame found = std::move(*at);
      kept_.erase(at);
      return found;
    }
    auto frame = next(deadline - clock::now());
    if (!frame) throw std::runtime_error("no frame about " + id + " within the time");
    kept_.push_back(std::move(*frame));
  }
}

bool door_connection::is_silent_about(const std::string& id, bound limit) {
  const auto deadline = clock::now() + limit;
  for (;;) {
    for (const auto& frame : kept_)
      if (frame.words.size() > 1 && frame.words[1] == id) return false;
    auto frame = next(deadline - clock::now());
    if (!frame) return true;
    kept_.push_back(std::move(*frame));
  }
}

bool door_connection::is_closed(bound limit) {
  const auto deadline = clock::now() + limit;
  std::array<char, 64> bytes{};
  while (ready(socket_.value(), POLLIN, deadline)) {
    const auto n = ::recv(socket_.value(), bytes.data(), bytes.size(), 0);
    if (n == 0 || (n < 0 && errno == ECONNRESET)) return true;
  }
  return false;
}

door_listener::door_listener(std::string folder)
    : path_(std::move(folder) + "/" + door::socket_name),
      socket_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  // Bound under another name and moved, as the daemon does it: what connects finds one that listens.
  const std::string made = path_ + "~";
  if (made.size() >= sizeof where.sun_path) throw std::runtime_error("too long for a socket: " + made);
  std::memcpy(where.sun_path, made.data(), made.size());
  ::unlink(made.c_str());
  if (!socket_ || ::bind(socket_.value(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
    fail("bind");
  if (::listen(socket_.value(), 8) != 0 || ::chmod(made.c_str(), 0666) != 0) fail("listen");
  if (::rename(made.c_str(), path_.c_str()) != 0) fail("rename");
}

door_listener::~door_listener() { ::unlink(path_.c_str()); }

door_connection door_listener::accept(bound limit) {
  if (!ready(socket_.value(), POLLIN, clock::now() + limit))
    throw std::runtime_error("init does not connect");
  unique_fd connection(::accept4(socket_.value(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection) fail("accept");
  return door_connection(std::move(connection));
}

door_connection door_listener::greet(greeting& told, bound limit) {
  door_connection connection = accept(limit);
  told = {};
  const auto hello = connection.receive();
  if (hello.word(0) != "hello") throw std::runtime_error("no hello: " + hello.text());
  told.version = hello.word(1);
  told.life = hello.word(2);
  for (;;) {
    auto frame = connection.receive();
    if (frame.text() == "ready") break;
    if (frame.word(0) != "command") throw std::runtime_error("not at a greeting: " + frame.text());
    told.commands.push_back(std::move(frame));
  }
  connection.send({"welcome", "1"});
  return connection;
}

pipe_ends make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe2");
  pipe_ends made{unique_fd(ends[0]), unique_fd(ends[1])};
  if (::fchmod(ends[0], 0666) != 0) fail("fchmod"); // so that > /dev/stdout works for any user
  return made;
}

unique_fd make_memfd(const std::string& content, bool sealed) {
  unique_fd fd(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd || ::write(fd.value(), content.data(), content.size()) != static_cast<ssize_t>(content.size()))
    fail("memfd");
  if (sealed && ::fcntl(fd.value(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    fail("seal");
  return fd;
}

door_command spawn(door_connection& door, const std::string& id, std::vector<std::string> options,
                   const std::vector<std::string>& argv) {
  return start(door, id, std::move(options), argv, false);
}

door_command spawn_large(door_connection& door, const std::string& id, std::vector<std::string> options,
                         const std::vector<std::string>& argv) {
  return start(door, id, std::move(options), argv, true);
}

void await_start(door_connection& door, door_command& command, bound limit) {
  auto frame = door.receive_about(command.id, limit);
  if (frame.word(0) != "started") throw std::runtime_error("not started: " + frame.text());
  command.pid = std::stoi(frame.word(2));
  if (!frame.fds.empty()) command.master = std::move(frame.fds.front());
}

std::string read_until(const unique_fd& from, const std::string& wanted, bound limit) {
  const auto deadline = clock::now() + limit;
  std::string all;
  while (wanted.empty() || all.find(wanted) == std::string::npos) {
    if (!ready(from.value(), POLLIN, deadline))
      throw std::runtime_error("not within the time: " + wanted + "; what came: " + all.substr(0, 2000));
    std::array<char, 64 * 1024> piece;
    const auto n = ::read(from.value(), piece.data(), piece.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n < 0 && errno != EIO) fail("read");
    if (n <= 0 && wanted.empty()) return all;
    if (n <= 0) throw std::runtime_error("ended without " + wanted + "; what came: " + all.substr(0, 2000));
    all.append(piece.data(), static_cast<std::size_t>(n));
  }
  return all;
}

std::string read_all(const unique_fd& from, bound limit) { return read_until(from, "", limit); }

void write_all(const unique_fd& to, const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    if (!ready(to.value(), POLLOUT, clock::now() + 10s)) throw std::runtime_error("nobody reads");
    const auto n = ::write(to.value(), bytes.data() + at, bytes.size() - at);
    if (n < 0 && errno != EAGAIN && errno != EINTR) fail("write");
    if (n > 0) at += static_cast<std::size_t>(n);
  }
}

door_result run_through(door_connection& door, const std::string& id, std::vector<std::string> options,
                        const std::vector<std::string>& argv) {
  const auto command = spawn(door, id, std::move(options), argv);
  door_result result;
  result.out = read_all(command.out);
  result.err = read_all(command.err);
  do result.end = door.receive_about(id).text();
  while (result.end.starts_with("started "));
  door.send({"forget", id});
  return result;
}

} // namespace clawdspace::test
