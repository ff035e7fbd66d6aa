#include <clawdspace/space/history.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <string>
#include <support/refusal.hpp>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

using namespace clawdspace;
using namespace clawdspace::spaces;

namespace {

constexpr auto most = std::size_t{64} << 20;
constexpr std::array all_selections{selection::both, selection::out, selection::err};

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// What is kept of a selection, from an offset on: bytes as they are, `<from-to>` for a gap.
std::string text_of(const history& h, selection of, std::uint64_t offset) {
  std::string text;
  for (;;) {
    const auto got = h.read(offset, of);
    if (got.what == history::item::kind::end) return text;
    if (got.what == history::item::kind::gap)
      text += fmt::format("<{}-{}>", offset, got.to);
    else
      text.append(reinterpret_cast<const char*>(got.data.data()), got.data.size());
    offset = got.to;
  }
}
std::string kept_text(const history& h, selection of) { return text_of(h, of, h.kept(of).first); }

unique_fd copy_of(int fd) { return unique_fd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

/// As a daemon that comes back would: only the memfd is left.
history reopened(history& old) {
  auto found = history::open(copy_of(old.descriptor()), most);
  if (!found) FAIL(found.error().what());
  return std::move(*found);
}

} // namespace

TEST_CASE("a history gives what was put in, all of it and each output by itself") {
  auto h = history::make(4096);
  CHECK(kept_text(h, selection::both).empty());
  h.append(channel::out, bytes_of("one "));
  h.append(channel::err, bytes_of("bad "));
  h.append(channel::err, bytes_of("worse "));
  h.append(channel::out, bytes_of("two"));
  struct row {
    selection of;
    std::uint64_t from;
    std::string_view text;
  };
  for (const auto& [of, from, text] : {
           row{selection::both, 0, "one bad worse two"},
           row{selection::both, 6, "d worse two"},
           row{selection::both, 17, ""},
           row{selection::out, 0, "one two"},
           row{selection::out, 3, " two"},
           row{selection::out, 4, "two"},
           row{selection::out, 7, ""},
           row{selection::err, 0, "bad worse "},
           row{selection::err, 5, "orse "},
           row{selection::err, 10, ""},
       }) {
    CAPTURE(static_cast<int>(of));
    CAPTURE(from);
    CHECK(text_of(h, of, from) == text);
  }
  CHECK(h.total(selection::both) == 17);
  CHECK(h.total(selection::out) == 7);
  CHECK(h.total(selection::err) == 10);
  CHECK(h.read(0, selection::both, 2).data.size() == 2);
  CHECK(h.before_end(5, selection::both) == 12);
  CHECK(h.before_end(50, selection::both) == 0);
}

TEST_CASE("an offset past the end is refused with the range there is") {
  auto h = history::make(4096);
  h.append(channel::out, bytes_of("12345"));
  const auto refused = test::refusal([&] { (void)h.read(6, selection::out); });
  REQUIRE(refused);
  CHECK(refused->code() == errc::offset_out_of_range);
  CHECK(std::string(refused->what()).find("from 0 to 5") != std::string::npos);
  CHECK(test::refusal([&] { (void)h.read(1, selection::err); }).has_value());
}

TEST_CASE("what fell out of the ring is a gap, in the count of each selection") {
  auto h = history::make(4096);
  for (int i = 0; i < 100; ++i) {
    h.append(channel::out, bytes_of(std::string(60, 'o')));
    h.append(channel::err, bytes_of(std::string(40, 'e')));
  }
  const auto both = h.kept(selection::both);
  CHECK(both.last == 10'000);
  CHECK(both.first >= 10'000 - 4096);
  CHECK(h.kept(selection::out).last == 6'000);
  CHECK(h.kept(selection::err).last == 4'000);
  CHECK(both.first == h.kept(selection::out).first + h.kept(selection::err).first);
  for (const auto of : all_selections) {
    const auto first = h.read(0, of);
    CHECK(first.what == history::item::kind::gap);
    CHECK(first.to == h.kept(of).first);
    CHECK(text_of(h, of, first.to).size() == h.kept(of).last - first.to);
  }
}

TEST_CASE("a read that a killed daemon had begun is a gap of its length") {
  auto h = history::make(4096);
  h.append(channel::out, bytes_of("before"));
  const auto room = h.begin(channel::err, 10);
  CHECK(room.size() == 10);
  auto back = reopened(h);
  CHECK(kept_text(back, selection::both) == "before<6-16>");
  CHECK(kept_text(back, selection::out) == "before");
  CHECK(kept_text(back, selection::err) == "<0-10>");
  back.append(channel::out, bytes_of("after"));
  CHECK(kept_text(back, selection::both) == "before<6-16>after");
  CHECK(kept_text(back, selection::out) == "beforeafter");
  CHECK(kept_text(reopened(back), selection::both) == "before<6-16>after"); // it stays one
}

TEST_CASE("a history's note is the last one that was written") {
  auto h = history::make(4096);
  CHECK(h.note().empty());
  h.set_note("first");
  h.append(channel::out, bytes_of("x"));
  h.set_note("second, longer");
  CHECK(reopened(h).note() == "second, longer");
  h.set_note("");
  CHECK(reopened(h).note().empty());
  CHECK(test::refusal([&] { h.set_note(std::string(history::note_limit + 1, 'x')); })->code() ==
        errc::invalid_field);
}

TEST_CASE("output that is dropped leaves its offsets and its note") {
  auto h = history::make(4096);
  h.set_note("who");
  h.append(channel::out, bytes_of("hello"));
  h.drop_output();
  CHECK(text_of(h, selection::both, 0) == "<0-5>");
  auto back = reopened(h);
  CHECK(back.note() == "who");
  CHECK(back.kept(selection::out).first == 5);
  back.append(channel::out, bytes_of(" again"));
  CHECK(text_of(back, selection::out, 0) == "<0-5> again");
}

TEST_CASE("a history cannot change its size") {
  auto h = history::make(4096);
  CHECK(::ftruncate(h.descriptor(), 0) != 0);
  CHECK(::ftruncate(h.descriptor(), 1 << 30) != 0);
}

// Against a model that keeps everything: random appends, reads that give less than was said, notes and
// restarts.
TEST_CASE("a history agrees with a model that forgets nothing") {
  struct byte {
    char value;
    channel from;
    bool gap;
  };
  for (unsigned seed = 0; seed < 9; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto upto = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    std::vector<byte> model;
    auto h = history::make(4096 << (seed % 3));
    const auto put = [&](channel from, std::span<std::byte> into) {
      for (auto& b : into) {
        model.push_back({static_cast<char>(upto(256)), from, false});
        b = static_cast<std::byte>(model.back().value);
      }
    };
    for (int step = 0; step < 1500; ++step) {
      const auto from = upto(2) == 0 ? channel::out : channel::err;
      const int longest = upto(10) == 0 ? 9000 : upto(4) == 0 ? 400 : 3; // 3: marks run out before bytes do
      switch (upto(12)) {
      case 0: {
        h = reopened(h);
        break;
      }
      case 1: {
        const auto room = h.begin(from, static_cast<std::size_t>(1 + upto(longest)));
        h = reopened(h); // killed in between
        for (std::size_t i = 0; i < room.size(); ++i) model.push_back({0, from, true});
        break;
      }
      case 2:
        h.set_note(std::to_string(step));
        break;
      case 3: {
        std::vector<std::byte> data(static_cast<std::size_t>(upto(longest)));
        put(from, data);
        h.append(from, data);
        break;
      }
      default: {
        const auto room = h.begin(from, static_cast<std::size_t>(1 + upto(longest)));
        const auto got = room.first(static_cast<std::size_t>(upto(static_cast<int>(room.size()) + 1)));
        put(from, got);
        h.commit(got.size());
      }
      }
      if (step % 50 != 0) continue;
      for (const auto of : all_selections) {
        std::vector<byte> wanted;
        for (const auto& b : model)
          if (of == selection::both || (of == selection::out) == (b.from == channel::out))
            wanted.push_back(b);
        const auto [first, last] = h.kept(of);
        REQUIRE(last == wanted.size());
        REQUIRE(last - first <= h.capacity());
        if (of == selection::both && h.capacity() / 512 > static_cast<std::size_t>(step))
          REQUIRE(last - first >= std::min<std::size_t>(last, h.capacity() / 2 - 1));
        auto at = first;
        for (;;) {
          const auto got = h.read(at, of);
          if (got.what == history::item::kind::end) break;
          REQUIRE(got.to > at);
          for (auto i = at; i < got.to; ++i) {
            const auto& b = wanted[i];
            REQUIRE(b.gap == (got.what == history::item::kind::gap));
            REQUIRE(b.from == got.from);
            if (!b.gap) REQUIRE(static_cast<std::byte>(b.value) == got.data[i - at]);
          }
          at = got.to;
        }
        REQUIRE(at == last);
      }
    }
  }
}

// --- a daemon that is killed ---

namespace {

/// The stream of the test: each 8 bytes are their own number.
std::byte stream_byte(std::uint64_t offset) {
  const auto word = offset / 8;
  return static_cast<std::byte>(word >> (8 * (offset % 8)));
}

struct child {
  pid_t pid;
  explicit child(pid_t id) : pid(id) {}
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child() { kill(); }
  void kill() {
    if (pid <= 0) return;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    pid = 0;
  }
};

[[noreturn]] void feed(int into) {
  std::array<std::byte, 8192> chunk;
  for (std::uint64_t at = 0;;) {
    for (std::size_t i = 0; i < chunk.size(); ++i) chunk[i] = stream_byte(at + i);
    const auto n = ::write(into, chunk.data(), 1 + at * 31 % chunk.size());
    if (n <= 0) ::_exit(1);
    at += static_cast<std::uint64_t>(n);
  }
}

[[noreturn]] void keep(history& in, int from) {
  for (std::uint64_t turn = 0;; ++turn) {
    const auto room = in.begin(turn % 3 == 0 ? channel::err : channel::out, 1 + turn * 977 % 5000);
    const auto n = ::read(from, room.data(), room.size());
    if (n <= 0) ::_exit(1);
    in.commit(static_cast<std::size_t>(n));
    if (turn % 64 == 0) in.set_note(std::to_string(turn));
  }
}

} // namespace

TEST_CASE("a history survives kill -9 of its writer at any moment, and its offsets do not lie") {
  for (int round = 0; round < 40; ++round) {
    CAPTURE(round);
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const unique_fd reading(ends[0]);
    unique_fd writing(ends[1]);
    auto h = history::make(std::size_t{64} << 10);
    child feeder(::fork());
    if (feeder.pid == 0) feed(writing.value());
    child keeper(::fork());
    if (keeper.pid == 0) keep(h, reading.value());
    writing.reset();
    const timespec while_it_writes{0, 1'000'000 + round * 137'000};
    ::nanosleep(&while_it_writes, nullptr);
    keeper.kill();

    const auto back = reopened(h);
    const auto [first, last] = back.kept(selection::both);
    CHECK(back.total(selection::out) + back.total(selection::err) == last);
    std::uint64_t lost = 0;
    for (auto at = first; at < last;) {
      const auto got = back.read(at, selection::both);
      if (got.what == history::item::kind::gap) {
        CHECK(got.to == last); // only the read that was under way
        lost = got.to - at;
      }
      for (std::size_t i = 0; i < got.data.size(); ++i)
        if (got.data[i] != stream_byte(at + i))
          FAIL("byte ", at + i, " is another, of ", first, " to ", last, ", in ", at, " to ", got.to);
      at = got.to;
    }
    // What comes next from the pipe is what follows: after the gap, or within it where that was never read.
    std::array<std::byte, 64> next{};
    const auto n = ::read(reading.value(), next.data(), next.size());
    REQUIRE(n > 0);
    bool follows = false;
    for (auto at = last - lost; at <= last && !follows; ++at) {
      follows = true;
      for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i)
        follows = follows && next[i] == stream_byte(at + i);
    }
    CHECK(follows);
  }
}

// --- one that a space has had ---

TEST_CASE("a history whose fields lie is refused with what is wrong") {
  struct row {
    std::string_view what;
    std::size_t place; ///< bytes from the beginning; within a state from state_base on
    std::uint64_t value;
    std::size_t size;
    std::string_view words;
  };
  constexpr std::size_t state = 1'000'000; // the state that counts
  constexpr std::size_t marks = 2'000'000;
  for (const auto& [what, place, value, size, words] : {
           row{"another magic", 0, 1, 8, "magic"},
           row{"a later version", 8, 2, 4, "version"},
           row{"no such state", 12, 7, 4, "state"},
           row{"a larger capacity", 16, 1 << 20, 8, "long"},
           row{"no capacity", 16, 0, 8, "capacity"},
           row{"an odd capacity", 16, 5000, 8, "capacity"},
           row{"a huge capacity", 16, ~std::uint64_t{0} - 4095, 8, "capacity"},
           row{"too many bytes", state + 0, ~std::uint64_t{0}, 8, "bytes"},
           row{"fewer bytes than its marks", state + 0, 3, 8, "stdout"},
           row{"more of stdout than of both", state + 8, 9, 8, "stdout"},
           row{"less of stdout than its marks", state + 8, 1, 8, "stdout"},
           row{"marks that end before they begin", state + 16, 5, 8, "marks"},
           row{"more marks than there are places", state + 24, 17, 8, "marks"},
           row{"marks beyond all count", state + 24, ~std::uint64_t{0}, 8, "marks"},
           row{"an intent beyond the ring", state + 32, 5000, 8, "to be read"},
           row{"an intent of no output", state + 40, 2, 4, "output 2"},
           row{"no such note", state + 44, 2, 4, "note"},
           row{"a note too long", state + 48, history::note_limit + 1, 8, "note"},
           row{"a first mark after the second", marks + 0, 100, 8, "mark 0"},
           row{"a mark that counts more stdout than bytes", marks + 8, 3, 8, "mark 0"},
           row{"a mark of no output", marks + 16, 2, 4, "mark 0"},
           row{"a mark of no kind", marks + 20, 2, 4, "mark 0"},
           row{"a second mark at the first", marks + 24, 0, 8, "mark 0"},
           row{"a second mark past the end", marks + 24, 1000, 8, "mark"},
       }) {
    CAPTURE(what);
    auto h = history::make(4096);
    h.append(channel::out, bytes_of("four"));
    h.append(channel::err, bytes_of("err"));
    std::uint32_t which = 0;
    REQUIRE(::pread(h.descriptor(), &which, sizeof which, 12) == 4);
    auto at = place;
    if (at >= marks)
      at = at - marks + 4096 + 2 * history::note_limit;
    else if (at >= state)
      at = at - state + (which == 0 ? 256 : 512);
    REQUIRE(::pwrite(h.descriptor(), &value, size, static_cast<off_t>(at)) == static_cast<ssize_t>(size));
    const auto found = history::open(copy_of(h.descriptor()), most);
    REQUIRE_FALSE(found);
    CHECK(found.error().code() == errc::conflict);
    CHECK(std::string(found.error().what()).find(words) != std::string::npos);
    CHECK(kept_text(h, selection::both) == "fourerr"); // whoever had it mapped goes by what it knows
  }
}

TEST_CASE("what is no sealed memfd is refused as a history") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const unique_fd writing(ends[1]);
  CHECK_FALSE(history::open(unique_fd(ends[0]), most));
  CHECK_FALSE(history::open(unique_fd(), most));
  CHECK_FALSE(history::open(unique_fd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), most));
  unique_fd unsealed(::memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  REQUIRE(::ftruncate(unsealed.value(), 1 << 20) == 0);
  CHECK_FALSE(history::open(std::move(unsealed), most));
  auto h = history::make(std::size_t{1} << 20);
  CHECK_FALSE(history::open(copy_of(h.descriptor()), 4096)); // more than is allowed
}

TEST_CASE("a history of random bytes is refused or holds together") {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    auto h = history::make(4096);
    for (int i = 0; i < 20; ++i)
      h.append(i % 3 == 0 ? channel::err : channel::out, bytes_of(std::string(1 + random() % 400, 'x')));
    for (int i = 0; i < 3; ++i) {
      const auto value = random() % 3 == 0 ? random() : random() % 64;
      const auto place =
          random() % 2 == 0 ? 256 + random() % 320 : 4096 + 2 * history::note_limit + random() % 384;
      REQUIRE(::pwrite(h.descriptor(), &value, 1 + random() % 4, static_cast<off_t>(place)) > 0);
    }
    auto found = history::open(copy_of(h.descriptor()), most);
    if (!found) continue;
    found->append(channel::out, bytes_of("more"));
    for (const auto of : all_selections) {
      std::uint64_t seen = 0;
      for (auto at = found->kept(of).first; at < found->kept(of).last;) {
        const auto got = found->read(at, of);
        REQUIRE(got.to > at);
        for (const auto b : got.data) seen += static_cast<std::uint64_t>(b);
        at = got.to;
      }
      CHECK(seen < (std::uint64_t{1} << 40));
    }
  }
}
