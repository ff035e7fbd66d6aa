#include <clawdspace/app/command_line.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <string>
#include <support/folder.hpp>
#include <support/refusal.hpp>
#include <vector>

using namespace clawdspace;
using action = app::command_line::action;
using test::words_of_refusal;

namespace {

/// Sets or unsets a variable, and puts it back.
class variable {
 public:
  variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    set(value);
  }
  variable(const variable&) = delete;
  variable& operator=(const variable&) = delete;
  ~variable() { set(before_ ? before_->c_str() : nullptr); }

 private:
  void set(const char* value) const {
    if (value != nullptr)
      ::setenv(name_, value, 1);
    else
      ::unsetenv(name_);
  }
  const char* name_;
  std::optional<std::string> before_;
};

app::command_line read(std::initializer_list<const char*> arguments) {
  return app::read_command_line(std::vector<const char*>(arguments));
}

} // namespace

TEST_CASE("the environment goes over the file, and an option over both") {
  const test::folder here;
  const auto file =
      here.write("c.toml", "[server]\nport = 1\n[spaces]\nimage = \"file\"\nmax = 3\n").string();
  const variable no_key("API_KEY", nullptr);
  const variable no_engine("DOCKER_HOST", nullptr);
  const variable no_idle("IDLE_TIMEOUT_MS", nullptr);
  const variable image("CLAWDSPACE_IMAGE", "environment");
  const variable port("PORT", "2");

  auto line = read({"--config", file.c_str()});
  CHECK(line.config.server.port == 2);
  CHECK(line.config.spaces.image == "environment");
  CHECK(line.config.spaces.max == 3);

  line = read({"--port=3", "--set", "spaces.image=option", "--set=spaces.max=4", "--config", file.c_str()});
  CHECK(line.config.server.port == 3);
  CHECK(line.config.spaces.image == "option");
  CHECK(line.config.spaces.max == 4);
  CHECK(read({"--port", "3", "--port", "4"}).config.server.port == 4);
  CHECK(read({"--set", "spaces.image=a=b"}).config.spaces.image == "a=b");
}

TEST_CASE("what the command line asks for is told apart") {
  const variable port("PORT", nullptr);
  CHECK(read({}).what == action::serve);
  CHECK(read({"--check-config"}).what == action::check);
  CHECK(read({"--version"}).what == action::version);
  CHECK(read({"--help"}).what == action::help);
  CHECK(read({"-h"}).what == action::help);
  // Help must come also where the rest is wrong.
  CHECK(read({"--help", "--config", "/nowhere"}).what == action::help);
  CHECK(app::help().find("--state-dir") != std::string::npos);
}

TEST_CASE("an option that is wrong is refused in a sentence that names it") {
  const variable port("PORT", nullptr);
  CHECK(words_of_refusal([] { read({"--prot", "1"}); }) == "there is no option --prot; see --help");
  CHECK(words_of_refusal([] { read({"serve"}); }) == "there is no option serve; see --help");
  CHECK(words_of_refusal([] { read({""}); }) == "there is no option ; see --help");
  CHECK(words_of_refusal([] { read({"--port"}); }) == "--port needs a value");
  CHECK(words_of_refusal([] { read({"--config"}); }) == "--config needs a value");
  CHECK(words_of_refusal([] { read({"--set", "x"}); }) == "--set needs SECTION.KEY=VALUE");
  CHECK(words_of_refusal([] { read({"--port="}); }).starts_with("server.port on the command line: "));
  CHECK(words_of_refusal([] { read({"--set", "a.b=1"}); }) == "a.b on the command line: there is no key a.b");
  CHECK(
      words_of_refusal([] { read({"--log-level", "loud"}); }).starts_with("log.level on the command line: "));
}
