#include "exec_support.hpp"

#include <string>
#include <thread>
#include <vector>

using namespace clawdspace::test;

TEST_CASE("outputs come apart, with nothing trimmed") {
  const auto s = daemon().space("main");
  const auto r = exec(s, "printf '  \\n a \\n\\n '; printf '\\t e\\n' >&2; exit 3");
  CHECK(text(r, "stdout") == "  \n a \n\n ");
  CHECK(text(r, "stderr") == "\t e\n");
  CHECK(text(r, "exitCode") == "3");
  CHECK(r.at("truncated").is_null());
  CHECK(text(exec(s, "true"), "stdout").empty());
}

TEST_CASE("every byte value comes back as it was") {
  const auto s = daemon().space("main");
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  const auto r = exec(
      s,
      json::object{{"command", {"python3", "-c", "import sys;sys.stdout.buffer.write(bytes(range(256)))"}}});
  CHECK(output_of(r) == all);
  auto raw = stream_json(s, "raw",
                         {{"command", "python3 -c 'import sys;sys.stdout.buffer.write(bytes(range(256)))'"}});
  CHECK(raw.rest() == all);
}

TEST_CASE("megabytes of text at full speed have every character whole") {
  const auto s = daemon().space("main");
  const std::string program =
      "import sys;w=sys.stdout.buffer.write\nt='a\\u00e4\\u20ac\\U0001f980'.encode()*419430\nw(t)";
  std::string expected;
  for (int i = 0; i < 419430; ++i) expected += "aä€🦀";
  const json::object body{{"command", {"python3", "-c", program}}};
  const auto r = exec(s, body);
  CHECK(text(r, "stdout").size() == expected.size());
  CHECK(text(r, "stdout") == expected);

  auto lines = stream_json(s, "ndjson", body);
  std::string joined;
  bool only_text = true;
  for (auto line = lines.line(); !line.empty(); line = lines.line()) {
    if (line.contains("base64")) only_text = false;
    if (text(line, "type") == "stdout" && line.contains("data")) joined += text(line, "data");
  }
  CHECK(only_text);
  CHECK(joined == expected);
}

TEST_CASE("past its limit output is counted and dropped, and costs no memory") {
  const auto s = daemon().space("main");
  exec(s, "head -c 16000000 /dev/zero"); // what a first large answer takes stays taken
  const auto before = daemon().resident_kib();
  const auto r = exec(s, "head -c 268435456 /dev/zero; echo end >&2; exit 4");
  CHECK(text(r, "outcome") == "exited");
  CHECK(text(r, "exitCode") == "4");
  CHECK(text(r, "stderr") == "end\n");
  const auto& cut = r.at("truncated").as_object();
  CHECK(!cut.contains("stderr"));
  CHECK(cut.at("stdout").at("total").to_number<int>() == 268435456);
  CHECK(cut.at("stdout").at("kept").to_number<int>() == 8 << 20);
  CHECK(output_of(r).size() == 8U << 20);
  CHECK(daemon().resident_kib() < before + 32 * 1024);
}

TEST_CASE("lines arrive when they are written") {
  const auto s = daemon().space("main");
  // The second line is only written when the first has arrived here and been answered through a file.
  auto lines =
      stream_json(s, "ndjson",
                  {{"command", "rm -f go; echo first; while [ ! -e go ]; do sleep 0.02; done; echo second"}});
  CHECK(text(lines.line(), "type") == "started");
  CHECK(text(lines.line(), "data") == "first\n");
  exec(s, "touch go");
  CHECK(text(lines.line(), "data") == "second\n");
  const auto last = lines.line();
  CHECK(text(last, "type") == "exit");
  CHECK(text(last, "exitCode") == "0");
  CHECK(lines.line().empty());
}

TEST_CASE("a character that is written in two halves comes whole; other bytes come as base64") {
  const auto s = daemon().space("main");
  auto lines = stream_json(
      s, "ndjson",
      {{"command", "printf 'x\\303'; sleep 0.3; printf '\\244\\n'; sleep 0.3; printf '\\377\\303'"}});
  std::string joined;
  std::string bytes;
  for (auto line = lines.line(); !line.empty(); line = lines.line()) {
    if (line.contains("data")) joined += text(line, "data");
    if (line.contains("base64")) bytes += from_base64(text(line, "base64"));
  }
  CHECK(joined == "xä\n");
  CHECK(bytes == "\xff\xc3");
}

TEST_CASE("a raw stream is exact, and its trailers tell the end") {
  const auto s = daemon().space("main");
  auto raw = stream_json(
      s, "raw",
      {{"command", "head -c 67108864 /dev/urandom >blob; cat blob; sha256sum <blob >sum; rm blob; exit 7"}});
  REQUIRE(raw.head() == 200);
  CHECK(!raw.header("X-Exec-Id").empty());
  const auto all = raw.rest();
  CHECK(all.size() == 67108864);
  CHECK(text(exec(s, "cut -c 1-64 sum"), "stdout") == sha256(all) + "\n");
  CHECK(raw.trailers().at("X-Outcome") == "exited");
  CHECK(raw.trailers().at("X-Exit-Code") == "7");
  CHECK(raw.trailers().count("X-Signal") == 0);

  auto killed = stream_json(s, "raw", {{"command", "kill -TERM $$"}});
  CHECK(killed.rest().empty());
  CHECK(killed.trailers().at("X-Outcome") == "signaled");
  CHECK(killed.trailers().at("X-Signal") == "SIGTERM");
  CHECK(killed.trailers().count("X-Exit-Code") == 0);
}

TEST_CASE("a raw stream of one output has nothing of the other") {
  const auto s = daemon().space("main");
  const json::object body{{"command", "echo out; echo err >&2"}};
  CHECK(stream_json(s, "raw&output=stdout", body).rest() == "out\n");
  CHECK(stream_json(s, "raw&output=stderr", body).rest() == "err\n");
}

TEST_CASE("who reads nothing holds the process at its pipe, and then gets every byte") {
  const auto s = daemon().space("main");
  constexpr std::size_t size = 96U << 20;
  const auto before = daemon().resident_kib();
  auto slow = stream_json(s, "raw",
                          {{"command",
                            {"python3", "-c",
                             "import os,hashlib\n"
                             "h=hashlib.sha256();b=os.urandom(65536);n=0\n"
                             "while n<100663296:\n"
                             " v=memoryview(b)\n"
                             " while v:\n"
                             "  k=os.write(1,v);h.update(v[:k]);v=v[k:];n+=k\n"
                             "  open('written','w').write(str(n))\n"
                             "open('sum','w').write(h.hexdigest())\n"}}},
                          65536);
  REQUIRE(slow.head() == 200);
  const auto written = [&] { return text(exec(s, "cat written 2>/dev/null"), "stdout"); };
  std::string last;
  int same = 0;
  CHECK(comes_true(
      [&] {
        const auto now = written();
        same = !now.empty() && now == last ? same + 1 : 0;
        last = now;
        return same == 20;
      },
      std::chrono::seconds(30)));
  CHECK(std::stoul(last) < size / 2);
  CHECK(daemon().resident_kib() < before + 16 * 1024);
  const auto all = slow.rest();
  CHECK(all.size() == size);
  CHECK(sha256(all) == text(exec(s, "cat sum"), "stdout"));
  CHECK(slow.trailers().at("X-Exit-Code") == "0");
}

TEST_CASE("a reader who pauses for longer than the Engine waits loses nothing") {
  const auto s = daemon().space("main");
  auto slow = stream_json(s, "raw", {{"command", "head -c 2097152 /dev/urandom | tee copy"}}, 16384);
  REQUIRE(slow.head() == 200);
  std::this_thread::sleep_for(std::chrono::seconds(4)); // the pause itself is what is tested
  const auto all = slow.rest();
  CHECK(all.size() == 2097152);
  CHECK(text(exec(s, "sha256sum <copy | cut -c 1-64"), "stdout") == sha256(all) + "\n");
}

TEST_CASE("a terminal is one, of the size that was asked for") {
  const auto s = daemon().space("main");
  const auto r = exec(s, json::object{{"command", "tty; sleep 0.3; stty size; echo err >&2"},
                                      {"tty", true},
                                      {"rows", 33},
                                      {"cols", 101}});
  CHECK(text(r, "stdout").starts_with("/dev/pts/"));
  CHECK(text(r, "stdout").find("33 101\r\nerr\r\n") != std::string::npos);
  CHECK(text(r, "stderr").empty());
}

TEST_CASE("many at once: each gets its own") {
  const auto s = daemon().space("main");
  std::vector<int> right(16);
  std::vector<std::thread> clients;
  for (int i = 0; i < 16; ++i)
    clients.emplace_back([&, i] {
      for (int k = 0; k < 10; ++k) {
        const auto r = ask("POST", fmt::format("/api/spaces/{}/exec", s),
                           {{"command", fmt::format("echo {0}-{1}; echo {1} >&2; exit {0}", i, k)}});
        const auto& o = r.body.as_object();
        right[static_cast<std::size_t>(i)] += text(o, "stdout") == fmt::format("{}-{}\n", i, k) &&
                                              text(o, "stderr") == fmt::format("{}\n", k) &&
                                              text(o, "exitCode") == fmt::format("{}", i);
      }
    });
  for (auto& one : clients) one.join();
  CHECK(right == std::vector<int>(16, 10));
}
