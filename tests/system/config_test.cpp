#include "daemon.hpp"

#include <doctest/doctest.h>

namespace clawdspace::test {

TEST_CASE("a configuration that is wrong is refused with file, line and key") {
  struct wrong {
    const char* text;
    const char* line;
    const char* key;
  };
  const temporary_folder folder;
  const auto file = folder.file("bad.toml");
  for (const auto& [text, line, key] : {
           wrong{"[server]\nport = 70707\n", ":2", "port"},
           wrong{"[server]\n\nport = \"many\"\n", ":3", "port"},
           wrong{"[server]\nprot = 1\n", ":2", "prot"},
           wrong{"[spaces]\nmemory = \"lots\"\n", ":2", "memory"},
           wrong{"[spaces]\nprofile = \"loose\"\n", ":2", "profile"},
           wrong{"[spaces]\nidle_timeout_ms = -1\n", ":2", "idle_timeout_ms"},
           wrong{"[log]\nlevel = \"loud\"\n", ":2", "level"},
           wrong{"[nonsense]\nx = 1\n", ":1", "nonsense"},
       }) {
    CAPTURE(text);
    write_file(file, text);
    const auto [code, words] =
        run_program({CLAWDSPACE_DAEMON, "--config", file, "--check-config"}, daemon::environment(), 20s);
    CAPTURE(words);
    CHECK(code != 0);
    CHECK(words.find(file + line) != std::string::npos);
    CHECK(words.find(key) != std::string::npos);
  }
}

TEST_CASE("what others can reach needs a key that cannot be guessed") {
  const temporary_folder folder;
  for (const auto* key : {"short", "changeme", "0123456789abcde"}) {
    CAPTURE(key);
    const auto [code, words] =
        run_program({CLAWDSPACE_DAEMON, "--listen=0.0.0.0", "--port=0", "--state-dir=" + folder.file("state"),
                     "--set", std::string("server.api_key=") + key},
                    daemon::environment(), 20s);
    CAPTURE(words);
    CHECK(code != 0);
    CHECK(words.find("key") != std::string::npos);
  }
}

} // namespace clawdspace::test
