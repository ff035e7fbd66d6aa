#pragma once

#include "scripted_backend.hpp"
#include "world.hpp"
#include <clawdspace/space/command_book.hpp>

#include <asio/post.hpp>

#include <fcntl.h>
#include <functional>
#include <support/refusal.hpp>

namespace clawdspace::test {

/// A space, a backend that a test plays, and a book over both.
struct library {
  library(world& on, space_ptr s) : w(on), where(std::move(s)) { open(); }

  world& w;
  space_ptr where;
  scripted_backend backend{w.loop.get_executor()};
  std::optional<command_book> book;

  void open() {
    book.emplace(execution::parts{.executor = w.loop.get_executor(),
                                  .known = w.known,
                                  .operations = w.operations,
                                  .backend = backend,
                                  .events = w.events},
                 command_ids(siphash_key{std::byte{5}}));
  }
  /// As a daemon that ends in order and comes back, finding nothing.
  task<> reopen() {
    co_await book->close();
    open();
  }

  [[nodiscard]] static execution::request shell(std::string text) {
    return {.command = {.argv = {std::move(text)}, .shell = true}};
  }
  task<record_ptr> detach(std::string text = "work") {
    co_return co_await book->start_detached(where, shell(text));
  }
  task<record_ptr> terminal(std::optional<milliseconds> linger = 60s) {
    auto what = shell("vim");
    what.linger = linger;
    co_return co_await book->start_terminal(where, std::move(what));
  }
  [[nodiscard]] played& last() const { return *backend.started.back(); }
  task<> ended(record_ptr of) {
    const auto over = [&] { return of->end.has_value(); };
    co_await w.until(over);
  }
  /// What init hands over of a command to a daemon that comes back.
  [[nodiscard]] static found_command found(const record_ptr& old, const std::shared_ptr<played>& it) {
    return {.id = old->facts.id,
            .command = std::make_unique<played_command>(it),
            .history = unique_fd(::fcntl(old->output->descriptor(), F_DUPFD_CLOEXEC, 0))};
  }
};

template <class Body> void with_library(Body body, std::function<void(policy&)> rules = {}) {
  const auto all = [&](world& w) -> task<> {
    if (rules) rules(w.rules);
    library l(w, co_await w.make("a"));
    std::exception_ptr failure;
    try {
      co_await body(l);
    } catch (...) {
      failure = std::current_exception();
    }
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await l.book->close();
    if (failure) std::rethrow_exception(failure);
  };
  in_world(all);
}

/// Everything from an offset to the end: bytes, `<from-to>` for gaps.
inline task<std::string> follow_to_end(library& l, record_ptr of, selection what, std::uint64_t offset) {
  output_follower follower(l.w.known, of, what, offset);
  std::string text;
  for (;;) {
    const auto got = co_await follower.next();
    if (got.what == followed::kind::end) co_return text;
    if (got.what == followed::kind::gap)
      text += "<" + std::to_string(got.from_offset) + "-" + std::to_string(got.to_offset) + ">";
    else
      text.append(reinterpret_cast<const char*>(got.data.data()), got.data.size());
  }
}

struct kept_output final : output_sink {
  std::string text;
  bool begun = false;
  task<> begin() override {
    begun = true;
    co_return;
  }
  task<> take(output_piece piece) override {
    text.append(reinterpret_cast<const char*>(piece.data.data()), piece.data.size());
    co_return;
  }
};

inline caller nobody_leaves() {
  return {.on_leaving = [](const std::function<void()>&) { return nullptr; }};
}

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

} // namespace clawdspace::test
