#include <clawdspace/core/error.hpp>
#include <clawdspace/door/door.hpp>
#include <clawdspace/door/protocol.hpp>
#include <clawdspace/door/words.hpp>

#include <asio/posix/stream_descriptor.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <sys/socket.h>

// What is asked of a space's network, each question with a socket of its own for the answer.

namespace clawdspace::door {

using namespace std::chrono_literals;

namespace {

constexpr auto margin = 2s;            // beyond what init gives itself
constexpr std::string_view id = "net"; // every frame has one; the answer needs none

std::string to_digits(const asio::ip::address& address) {
  std::string digits;
  const auto add = [&](const auto& bytes) {
    for (const auto byte : bytes) digits += fmt::format("{:02x}", byte);
  };
  if (address.is_v4())
    add(address.to_v4().to_bytes());
  else
    add(address.to_v6().to_bytes());
  return digits;
}

} // namespace

/// A question that is under way.
class door::question {
 public:
  /// Throws errc::overloaded, errc::door_too_old.
  question(door& to, std::string frame) : socket_(to.executor_) {
    if (!to.open_) throw error(errc::overloaded, "the space's door is shut: try again");
    if (to.version_ < ports_version)
      throw error(errc::door_too_old,
                  "the space's init is from before ports could be reached: a space that is "
                  "created anew has one that knows them");
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
      throw error(errc::overloaded, "no descriptor is left to ask a space with: try again");
    unique_fd mine(ends[0]);
    descriptors with;
    with.emplace_back(ends[1]);
    if (is_in_reserve(ends[1]))
      throw error(errc::overloaded, "too few descriptors are left to ask a space with: try again");
    socket_.assign(mine.value());
    mine.release();
    if (!to.link_->send(std::move(frame), std::move(with), link::weight::command))
      throw error(errc::overloaded, "the space's door was lost: try again");
  }

  /// The next frame of the answer, in `into`. Throws errc::overloaded where none comes any more.
  task<received> next(std::span<char> into) {
    for (;;) {
      auto came = receive_now(socket_.native_handle(), into);
      if (came.size < 0 && errno == EAGAIN) {
        co_await socket_.async_wait(asio::posix::descriptor_base::wait_read, asio::use_awaitable);
        continue;
      }
      if (came.size <= 0 || came.cut || came.descriptors_cut)
        throw error(errc::overloaded, "the space did not answer: try again");
      co_return came;
    }
  }

 private:
  asio::posix::stream_descriptor socket_;
};

namespace {

/// Awaits it for as long as a question may take. Throws errc::engine_timed_out.
template <class T> task<T> in_time(std::chrono::milliseconds limit, task<T> answer) {
  try {
    co_return co_await with_deadline(limit, std::move(answer));
  } catch (const std::system_error& e) {
    if (!is_timeout(e)) throw;
  }
  throw error(errc::engine_timed_out, fmt::format("the space did not answer within {} ms", limit.count()));
}

} // namespace

task<door::connected> door::connect(std::string frame, bool tcp) {
  const auto turn = co_await connecting_.enter();
  question asked(*this, std::move(frame));
  char buffer[256];
  auto came = co_await asked.next(buffer);
  const auto words = words_of({buffer, static_cast<std::size_t>(came.size)}, 2);
  if (words && words->size() == 2 && (*words)[0] == "refused") {
    const auto number = (*words)[1];
    connected answer;
    std::from_chars(number.data(), number.data() + number.size(), answer.error_number);
    if (answer.error_number > 0) co_return answer;
  }
  const bool is_right =
      words && (*words)[0] == "connected" && came.count == 1 && is_connection(came.with[0].value(), tcp);
  if (!is_right) {
    accuse("what it handed over is no connection");
    throw error(errc::engine_failed, "the space handed over something that is no connection");
  }
  if (is_in_reserve(came.with[0].value()))
    throw error(errc::overloaded, "too few descriptors are left for a new connection: try again");
  co_return connected{.socket = std::move(came.with[0])};
}

task<door::connected> door::connect_tcp(asio::ip::address to, std::uint16_t port) {
  auto frame = to_frame({"connect", id, "tcp", to_digits(to), std::to_string(port)});
  co_return co_await in_time(std::chrono::milliseconds(connect_ms) + margin, connect(std::move(frame), true));
}

task<door::connected> door::connect_unix(std::string path, std::string image_user, bool strict) {
  auto frame = to_frame({"connect", id, "unix", path, strict ? "strict" : "standard", image_user});
  co_return co_await in_time(std::chrono::milliseconds(connect_ms) + margin,
                             connect(std::move(frame), false));
}

task<std::vector<listening>> door::listeners(bool names) {
  auto frame = to_frame({"listeners", id});
  if (names) add_word(frame, "names");
  const auto read_all = [](door& self, std::string asked_with) -> task<std::vector<listening>> {
    question asked(self, std::move(asked_with));
    std::vector<listening> all;
    char buffer[512];
    for (unsigned frames = 0; frames <= listening_limit; ++frames) {
      const auto came = co_await asked.next(buffer);
      const std::string_view frame(buffer, static_cast<std::size_t>(came.size));
      if (frame == to_frame({"all"}) || frame == to_frame({"some"})) co_return all;
      if (frame.starts_with("refused"))
        throw error(errc::overloaded, "the space has no room to look: try again");
      auto one = read_listening(frame);
      if (!one) {
        self.accuse(one.error().what());
        throw error(errc::engine_failed, "the space did not say what listens");
      }
      if (*one) all.push_back(std::move(**one));
    }
    self.accuse("it has too much that listens");
    throw error(errc::engine_failed, "the space did not say what listens");
  };
  co_return co_await in_time(patience_.answer, read_all(*this, std::move(frame)));
}

} // namespace clawdspace::door
