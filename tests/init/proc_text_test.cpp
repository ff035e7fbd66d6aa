#include "proc_text.hpp"
#include "text_io.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace clawdspace::init;
using clawdspace::test::view;
using namespace std::literals;

TEST_CASE("a process's parent is found behind whatever name it chose") {
  for (std::string_view name :
       {"sh"sv, "a b"sv, ""sv, ")"sv, "("sv, ") S 1 ("sv, "a\nb"sv, ") R 0"sv, "((()))"sv, "x) Z 9 9"sv}) {
    const std::string bytes = "42 (" + std::string(name) + ") S 17 42 42 0 -1 4194560 100 0\n";
    process_stat found;
    CAPTURE(bytes);
    REQUIRE(parse_stat(view(bytes), found));
    CHECK(found.pid == 42);
    CHECK(found.parent == 17);
    CHECK(found.state == 'S');
  }
}

TEST_CASE("a stat that is cut or malformed is refused") {
  process_stat found;
  for (std::string_view bytes :
       {""sv, "42"sv, "42 (sh"sv, "42 (sh)"sv, "42 (sh) S"sv, "42 (sh) S "sv, "42 (sh) S x 1"sv,
        "(sh) S 1 1"sv, " (sh) S 1 1"sv, "x (sh) S 1 1"sv, ")("sv, "42 )sh( S 1 1"sv, "-1 (sh) S 1 1"sv,
        "42 (sh) S -1 1"sv, "99999999999 (sh) S 1 1"sv})
    CHECK_MESSAGE(!parse_stat(view(bytes), found), bytes);
}

TEST_CASE("every prefix of a stat is read or refused, never over-read") {
  const std::string whole = "42 (s) h) S 17 42 42 0 -1";
  for (size_t n = 0; n <= whole.size(); ++n) {
    const std::string piece(whole, 0, n); // of its own, so that the sanitizer sees a step too far
    process_stat found;
    parse_stat(view(piece), found);
  }
}

TEST_CASE("a process's ids are those of its status") {
  process_ids ids;
  REQUIRE(parse_status_ids(
      "Name:\tUid:\\nGid:\nUmask:\t0022\nPid:\t9\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t4294967295\nFDSize:\t64\n",
      ids));
  CHECK(ids.uids[0] == 1);
  CHECK(ids.uids[1] == 2);
  CHECK(ids.uids[3] == 4);
  CHECK(ids.gids[0] == 5);
  CHECK(ids.gids[3] == 4294967295);
  for (const char* bytes :
       {"", "Uid:\t1\t1\t1\t1\n", "Gid:\t1\t1\t1\t1\n", "Uid:\t1\t1\t1\nGid:\t1\t1\t1\t1\n",
        "Uid:\t1\t1\t1\tx\nGid:\t1\t1\t1\t1\n", "Uid:\t1\t1\t1\t4294967296\nGid:\t1\t1\t1\t1\n"})
    CHECK_MESSAGE(!parse_status_ids(bytes, ids), bytes);
}

TEST_CASE("out-of-memory kills are counted on cgroup v2 and v1") {
  uint64_t kills = 9;
  REQUIRE(parse_oom_kills("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 7\n", kills));
  CHECK(kills == 2);
  REQUIRE(parse_oom_kills("oom_kill_disable 0\nunder_oom 0\noom_kill 18446744073709551615", kills));
  CHECK(kills == 18446744073709551615ULL);
  for (const char* bytes : {"", "oom_kill_disable 0\nunder_oom 0\n", "oom_kill\n", "oom_kill -1\n",
                            "oom_kill 1 2\n", "oom_kill 18446744073709551616\n", "xoom_kill 1\n"})
    CHECK_MESSAGE(!parse_oom_kills(bytes, kills), bytes);
}

TEST_CASE("a mark is a whole entry of the environment, in whatever pieces it comes") {
  struct row {
    std::string_view environment;
    bool found;
  };
  for (const row& r : {
           row{"MARK=abc\0"sv, true},
           row{"A=1\0MARK=abc\0B=2\0"sv, true},
           row{"A=1\0\0MARK=abc\0"sv, true},
           row{"A=MARK=abc\0"sv, false},
           row{"XMARK=abc\0"sv, false},
           row{"MARK=abcd\0"sv, false},
           row{"MARK=ab\0c\0"sv, false},
           row{"MARK=\0MARK=ab\0MARK=abc\0"sv, true},
           row{"MARK=abc"sv, false}, // cut: nobody knows what would follow
           row{""sv, false},
       }) {
    environment_search whole("MARK", "abc");
    CHECK(whole.feed(view(r.environment)) == r.found);
    environment_search bytewise("MARK", "abc");
    bool found = false;
    for (const char& c : r.environment) found = found || bytewise.feed({&c, 1});
    CHECK(found == r.found);
  }
}

TEST_CASE("a row of a table of sockets is read with its address in network order") {
  const std::string row =
      "   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 "
      "4711 1 0000000000000000 100 0 0 10 0";
  socket_row found;
  REQUIRE(parse_socket_row(view(row), found));
  CHECK(found.address_size == 4);
  CHECK(int{found.address[0]} == 127);
  CHECK(int{found.address[3]} == 1);
  CHECK(found.port == 8080);
  CHECK(int{found.state} == 10);
  CHECK(found.uid == 1001);
  CHECK(found.inode == 4711);
  const std::string six = "  0: 00000000000000000000000001000000:0050 0:0 0A 0:0 0:0 0 0 0 12";
  REQUIRE(parse_socket_row(view(six), found));
  CHECK(found.address_size == 16);
  CHECK(int{found.address[15]} == 1);
  for (size_t n = 0; n <= row.size(); ++n) { // of its own, so that the sanitizer sees a step too far
    const std::string piece(row, 0, n);
    parse_socket_row(view(piece), found);
  }
}

TEST_CASE("what is no row of a table of sockets is refused") {
  socket_row found;
  for (std::string_view row :
       {""sv, "  sl  local_address rem_address   st"sv, "1: 0100007F 0:0 0A 0:0 0:0 0 0 0 1"sv,
        "1: 0100007G:1F90 0:0 0A 0:0 0:0 0 0 0 1"sv, "1: 0100007F:1F9 0:0 0A 0:0 0:0 0 0 0 1"sv,
        "1: 0100007F:1F90 0:0 0A 0:0 0:0 0 x 0 1"sv, "1: 0100007F:1F90 0:0 0A 0:0 0:0 0 0 0 -1"sv})
    CHECK_MESSAGE(!parse_socket_row(view(row), found), row);
}

TEST_CASE("of unix sockets only streams that listen at a path are read, whatever is in the path") {
  unix_row found;
  const auto row = [](std::string_view path, std::string_view flags = "00010000",
                      std::string_view type = "0001") {
    return "ffff: 00000002 00000000 " + std::string(flags) + " " + std::string(type) + " 01 99 " +
           std::string(path);
  };
  const auto plain = row("/run/a b.sock");
  REQUIRE(parse_unix_row(view(plain), found));
  CHECK(found.inode == 99);
  CHECK(std::string(found.path.data(), found.path.size()) == "/run/a b.sock");
  for (const auto& other : {row("/x", "00000000"), row("/x", "00010000", "0005"), row("@x"), row("x"),
                            row(""), row("/a\tb"), row("/" + std::string(107, 'x'))})
    CHECK_MESSAGE(!parse_unix_row(view(other), found), other);
}

TEST_CASE("an address is 8 or 32 hexadecimal digits, and a socket's link names its inode") {
  unsigned char bytes[16];
  CHECK(parse_address("7f000001", bytes) == 4);
  CHECK(int{bytes[0]} == 127);
  CHECK(parse_address("00000000000000000000000000000001", bytes) == 16);
  for (const char* digits : {"", "7f00000", "7f00000g", "7f0000011", "127.0.0.1"})
    CHECK(parse_address(digits, bytes) == 0);
  uint64_t inode = 0;
  CHECK(parse_socket_link("socket:[42]", inode));
  CHECK(inode == 42);
  for (const char* link : {"", "socket:[", "socket:[]", "socket:[4x]", "pipe:[42]"})
    CHECK(!parse_socket_link(link, inode));
}
