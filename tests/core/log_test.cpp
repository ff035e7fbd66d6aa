#include <clawdspace/core/log.hpp>
#include <clawdspace/core/unique_fd.hpp>

#include <doctest/doctest.h>

#include <array>
#include <fcntl.h>
#include <string>
#include <support/run_coroutine.hpp>
#include <unistd.h>

using namespace clawdspace;

namespace {

struct pipe_ends {
  unique_fd read, write;
};

pipe_ends make_pipe() {
  std::array<int, 2> fds{};
  REQUIRE(::pipe2(fds.data(), O_CLOEXEC) == 0);
  return {unique_fd(fds[0]), unique_fd(fds[1])};
}

std::string read_what_is_there(int fd) {
  std::string all(std::size_t{4} << 20, '\0');
  std::size_t size = 0;
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  for (ssize_t n = 0; (n = ::read(fd, all.data() + size, all.size() - size)) > 0;)
    size += static_cast<std::size_t>(n);
  all.resize(size);
  return all;
}

} // namespace

TEST_CASE("a line tells its fields, and a value cannot forge another line or field") {
  test::run_coroutine([](asio::io_context& loop) -> task<> {
    auto pipe = make_pipe();
    start_log(loop.get_executor(), pipe.write.value(), log_format::text, spdlog::level::info);
    log_info("request", {field("path", "/x\ninfo fake a=b"), field("status", 200)});
    stop_log();
    const auto text = read_what_is_there(pipe.read.value());
    CHECK(text.find("request path=\"/x\\u000ainfo fake a=b\" status=200\n") != std::string::npos);
    co_return;
  });
}

TEST_CASE("JSON lines are whole objects") {
  test::run_coroutine([](asio::io_context& loop) -> task<> {
    auto pipe = make_pipe();
    start_log(loop.get_executor(), pipe.write.value(), log_format::json, spdlog::level::info);
    log_info("say \"hi\"", {field("n", 3)});
    stop_log();
    const auto text = read_what_is_there(pipe.read.value());
    CHECK(text.find(R"("level":"info","message":"say \"hi\"","n":3})") != std::string::npos);
    co_return;
  });
}

TEST_CASE("a reader that does not read costs lines, not time, and is told how many") {
  test::run_coroutine([](asio::io_context& loop) -> task<> {
    auto pipe = make_pipe();
    start_log(loop.get_executor(), pipe.write.value(), log_format::text, spdlog::level::info);
    const std::string long_value(1000, 'x');
    for (int i = 0; i < 3000; ++i) log_info("line", {field("value", long_value)});
    auto text = read_what_is_there(pipe.read.value());
    for (int turn = 0; turn < 2000 && text.find("lines were dropped") == std::string::npos; ++turn) {
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      text += read_what_is_there(pipe.read.value());
    }
    CHECK(text.find("lines were dropped lines=") != std::string::npos);
    stop_log();
  });
}
