#pragma once

#include <clawdspace/core/error.hpp>
#include <clawdspace/core/task.hpp>

#include <asio/buffer.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace clawdspace::test {

/// A peer on a unix socket that does what a test says: reads HTTP requests, answers any bytes in any pieces,
/// closes in the middle, or is silent.
class scripted_peer {
 public:
  class link {
   public:
    explicit link(asio::local::stream_protocol::socket socket) : socket_(std::move(socket)) {}

    /// The next request, head and body; empty where the client has closed.
    task<std::string> request() {
      for (;;) {
        const auto size = request_size();
        if (size != 0) {
          auto whole = pending_.substr(0, size);
          pending_.erase(0, size);
          co_return whole;
        }
        if (!co_await receive()) co_return std::string();
      }
    }

    /// Exactly so many raw bytes, or fewer at the end.
    task<std::string> receive_exactly(std::size_t size) {
      while (pending_.size() < size && co_await receive()) {
      }
      auto got = pending_.substr(0, size);
      pending_.erase(0, got.size());
      co_return got;
    }

    task<> say(std::string bytes) {
      co_await asio::async_write(socket_, asio::buffer(bytes), asio::use_awaitable);
    }

    /// Each piece is on its way before the next: the other side gets its turn in between.
    task<> say_in_pieces(std::string bytes, std::size_t size) {
      for (std::size_t at = 0; at < bytes.size(); at += size) {
        co_await say(bytes.substr(at, size));
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      }
    }

    task<> until_closed() {
      while (co_await receive()) pending_.clear();
    }

    void close() { socket_.close(); }

   private:
    task<bool> receive() {
      char some[65536];
      const auto [ec, size] = co_await socket_.async_read_some(asio::buffer(some), nothrow);
      if (ec == asio::error::operation_aborted) throw std::system_error(ec);
      pending_.append(some, size);
      co_return !ec;
    }

    /// 0 while it is not whole.
    [[nodiscard]] std::size_t request_size() const {
      const auto head = pending_.find("\r\n\r\n");
      if (head == std::string::npos) return 0;
      const auto body = head + 4;
      if (pending_.find("Transfer-Encoding: chunked") < head) {
        const auto last = pending_.find("0\r\n\r\n", body);
        return last == std::string::npos ? 0 : last + 5;
      }
      constexpr std::string_view name = "Content-Length: ";
      std::size_t length = 0;
      if (const auto at = pending_.find(name); at < head)
        std::from_chars(pending_.data() + at + name.size(), pending_.data() + head, length);
      return pending_.size() >= body + length ? body + length : 0;
    }

    asio::local::stream_protocol::socket socket_;
    std::string pending_;
  };

  explicit scripted_peer(const asio::any_io_executor& executor)
      : folder_(make_folder()), acceptor_(executor, asio::local::stream_protocol::endpoint(path())) {}
  scripted_peer(const scripted_peer&) = delete;
  scripted_peer& operator=(const scripted_peer&) = delete;
  ~scripted_peer() {
    ::unlink(path().c_str());
    ::rmdir(folder_.c_str());
  }

  [[nodiscard]] std::string path() const { return folder_ + "/peer.sock"; }
  [[nodiscard]] int accepted() const noexcept { return accepted_; }

  task<link> accept() {
    auto socket = co_await acceptor_.async_accept(asio::use_awaitable);
    ++accepted_;
    co_return link(std::move(socket));
  }

 private:
  static std::string make_folder() {
    const char* const where = std::getenv("TMPDIR");
    std::string name = std::string(where == nullptr ? "/tmp" : where) + "/clawdspace-peer-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder for a socket");
    return name;
  }

  std::string folder_;
  asio::local::stream_protocol::acceptor acceptor_;
  int accepted_ = 0;
};

/// A whole HTTP answer with a length.
inline std::string http_answer(int status, std::string_view body, std::string_view more_headers = "") {
  return "HTTP/1.1 " + std::to_string(status) +
         " Words\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n" + std::string(more_headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

} // namespace clawdspace::test
