#include <clawdspace/http/static_files.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <support/run_coroutine.hpp>
#include <support/silent_exchange.hpp>
#include <unistd.h>

using namespace clawdspace;
namespace fs = std::filesystem;

namespace {

/// A folder of its own for a test, with files in it.
struct folder {
  fs::path path;
  folder() {
    std::string name = (fs::temp_directory_path() / "static-files-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
    write("index.html", "<p>index</p>");
    write("app/main.js", "0123456789");
    write("with space.txt", "spaced");
    write("a..b", "dots");
    write("empty.css", "");
    write(".hidden", "secret");
    write(".git/config", "secret");
    write("data.bin", "\1\2");
  }
  ~folder() {
    std::error_code ignored; // a test's leftovers
    fs::remove_all(path, ignored);
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  void write(const std::string& name, std::string_view content) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name) << content;
    fs::last_write_time(path / name, fs::file_time_type::clock::from_sys(
                                         std::chrono::sys_seconds(std::chrono::seconds(784111777))));
  }
};

/// Keeps the response that is made to a request of the test's.
class kept_exchange final : public test::silent_exchange {
 public:
  http::response given;

  task<> respond(http::response whole) override {
    given = std::move(whole);
    co_return;
  }
};

task<> serve(const http::static_files& files, kept_exchange& x) {
  try {
    co_await files.serve(x);
  } catch (const error& e) {
    CHECK((e.code() == errc::route_not_found || e.code() == errc::method_not_allowed));
  }
}

/// The response; a status of 0 where there is no such file.
http::response get(const http::static_files& files, std::string path, http::fields headers = {},
                   std::string method = "GET") {
  kept_exchange x;
  x.given.status = 0;
  x.request.method = std::move(method);
  x.request.path = std::move(path);
  x.request.headers = std::move(headers);
  test::run_coroutine([&](asio::io_context&) { return serve(files, x); });
  return x.given;
}

std::string etag(const http::response& r) { return std::string(r.headers.find("etag").value_or("")); }

constexpr auto written = "Sun, 06 Nov 1994 08:49:37 GMT";

} // namespace

TEST_CASE("files are served with their type, and are checked again before each use") {
  const folder f;
  const auto files = http::static_files::load(f.path);
  const auto index = get(files, "/");
  CHECK(index.status == 200);
  CHECK(index.body == "<p>index</p>");
  CHECK(index.headers.find("content-type") == "text/html; charset=utf-8");
  CHECK(index.headers.find("cache-control") == "no-cache");
  CHECK(index.headers.find("x-content-type-options") == "nosniff");
  CHECK(index.headers.find("last-modified") == written);
  CHECK(etag(index) == etag(get(files, "/index.html")));
  CHECK(etag(index) != etag(get(files, "/app/main.js")));
  CHECK(get(files, "/app/main.js").headers.find("content-type") == "text/javascript; charset=utf-8");
  CHECK(get(files, "/data.bin").headers.find("content-type") == "application/octet-stream");
  CHECK(get(files, "/with%20space.txt").body == "spaced");
  CHECK(get(files, "/a..b").body == "dots");
  CHECK(get(files, "/empty.css").status == 200);
  CHECK(files.contains("/"));
  CHECK_FALSE(files.contains("/nothing"));
}

TEST_CASE("HEAD has the length and no content, and other methods are refused") {
  const folder f;
  const auto files = http::static_files::load(f.path);
  const auto head = get(files, "/app/main.js", {}, "HEAD");
  CHECK(head.status == 200);
  CHECK(head.body.empty());
  CHECK(head.headers.find("content-length") == "10");
  CHECK(get(files, "/app/main.js", {{"Range", "bytes=0-1"}}, "HEAD").status == 200);
  CHECK(get(files, "/app/main.js", {}, "POST").status == 0);
}

TEST_CASE("there is no way out of the folder, nor to what is hidden or linked in it") {
  const folder f;
  fs::create_symlink("/etc/passwd", f.path / "passwd.txt");
  fs::create_directory_symlink("/etc", f.path / "etc");
  const auto files = http::static_files::load(f.path);
  for (const std::string path : {"/../etc/passwd",
                                 "/app/../index.html",
                                 "/./index.html",
                                 "/%2e%2e/etc/passwd",
                                 "/app%2fmain.js",
                                 "/app%2Fmain.js",
                                 "/app\\main.js",
                                 "/app%5cmain.js",
                                 "/index.html%00",
                                 "/index.html%00.js",
                                 "/.hidden",
                                 "/%2ehidden",
                                 "/.git/config",
                                 "/passwd.txt",
                                 "/etc/passwd",
                                 "/app",
                                 "/app/",
                                 "//index.html",
                                 "/%zz",
                                 "*",
                                 "",
                                 "index.html"}) {
    CAPTURE(path);
    CHECK(get(files, path).status == 0);
    CHECK_FALSE(files.contains(path));
  }
}

TEST_CASE("conditions are evaluated in their order") {
  const folder f;
  const auto files = http::static_files::load(f.path);
  const auto tag = etag(get(files, "/app/main.js"));
  constexpr auto before = "Sun, 06 Nov 1994 08:49:36 GMT";
  const struct {
    http::fields headers;
    int status;
  } cases[] = {
      {{{"If-None-Match", tag}}, 304},
      {{{"If-None-Match", "W/" + tag}}, 304},
      {{{"If-None-Match", "\"x\", " + tag}}, 304},
      {{{"If-None-Match", "\"x\""}, {"If-None-Match", tag}}, 304},
      {{{"If-None-Match", "*"}}, 304},
      {{{"If-None-Match", "\"x\""}}, 200},
      {{{"If-None-Match", "x"}}, 200},
      {{{"If-None-Match", "\"x\""}, {"If-Modified-Since", written}}, 200}, // the tag decides
      {{{"If-Modified-Since", written}}, 304},
      {{{"If-Modified-Since", before}}, 200},
      {{{"If-Modified-Since", "yesterday"}}, 200},
      {{{"If-Match", tag}}, 200},
      {{{"If-Match", "*"}}, 200},
      {{{"If-Match", "W/" + tag}}, 412},
      {{{"If-Match", "\"x\""}}, 412},
      {{{"If-Match", "\"x\""}, {"If-None-Match", tag}}, 412},
      {{{"If-Unmodified-Since", written}}, 200},
      {{{"If-Unmodified-Since", before}}, 412},
      {{{"If-Match", tag}, {"If-Unmodified-Since", before}}, 200}, // the tag decides
  };
  for (const auto& c : cases) {
    std::string what;
    for (const auto& line : c.headers) what += line.name + ": " + line.value + "; ";
    CAPTURE(what);
    const auto r = get(files, "/app/main.js", c.headers);
    CHECK(r.status == c.status);
    CHECK(r.body == (c.status == 200 ? "0123456789" : ""));
    CHECK(etag(r) == tag);
  }
}

TEST_CASE("one range of bytes is answered as a part, and what is none with the whole") {
  const folder f;
  const auto files = http::static_files::load(f.path);
  const auto tag = etag(get(files, "/app/main.js"));
  const struct {
    std::string range;
    int status;
    std::string body;
    std::string content_range;
  } cases[] = {
      {"bytes=0-3", 206, "0123", "bytes 0-3/10"},
      {"bytes=4-", 206, "456789", "bytes 4-9/10"},
      {"bytes=9-9", 206, "9", "bytes 9-9/10"},
      {"bytes=8-100", 206, "89", "bytes 8-9/10"},
      {"bytes=-3", 206, "789", "bytes 7-9/10"},
      {"bytes=-100", 206, "0123456789", "bytes 0-9/10"},
      {"Bytes=0-0", 206, "0", "bytes 0-0/10"},
      {"bytes=0-99999999999999999999999", 206, "0123456789", "bytes 0-9/10"},
      {"bytes=10-", 416, "", "bytes */10"},
      {"bytes=99999999999999999999999-", 416, "", "bytes */10"},
      {"bytes=-0", 416, "", "bytes */10"},
      {"bytes=3-2", 200, "0123456789", ""},
      {"bytes=0-1,3-4", 200, "0123456789", ""},
      {"bytes=", 200, "0123456789", ""},
      {"bytes=-", 200, "0123456789", ""},
      {"bytes=a-b", 200, "0123456789", ""},
      {"bytes=+1-2", 200, "0123456789", ""},
      {"lines=0-1", 200, "0123456789", ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.range);
    const auto r = get(files, "/app/main.js", {{"Range", c.range}});
    CHECK(r.status == c.status);
    CHECK(r.body == c.body);
    CHECK(r.headers.find("content-range").value_or("") == c.content_range);
  }
  CHECK(get(files, "/app/main.js", {{"Range", "bytes=0-1"}, {"If-Range", tag}}).status == 206);
  CHECK(get(files, "/app/main.js", {{"Range", "bytes=0-1"}, {"If-Range", written}}).status == 206);
  CHECK(get(files, "/app/main.js", {{"Range", "bytes=0-1"}, {"If-Range", "\"x\""}}).status == 200);
  CHECK(get(files, "/app/main.js", {{"Range", "bytes=0-1"}, {"If-Range", "W/" + tag}}).status == 200);
  CHECK(get(files, "/app/main.js", {{"Range", "bytes=0-1"}, {"If-None-Match", tag}}).status == 304);
  CHECK(get(files, "/empty.css", {{"Range", "bytes=0-1"}}).status == 416);
}

TEST_CASE("a folder that is not there, or holds too much, is refused by name") {
  const folder f;
  CHECK_THROWS_AS(http::static_files::load(f.path / "nowhere"), error);
  CHECK_THROWS_AS(http::static_files::load(f.path, bytes{8}), error);
}
