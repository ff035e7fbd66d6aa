#include <clawdspace/app/command_line.hpp>
#include <clawdspace/core/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace clawdspace::app {

namespace {

struct flag {
  std::string_view name;
  std::string_view key;
  std::string_view words;
};

constexpr std::array flags{
    flag{"--listen", "server.listen", "address to listen on (default: 127.0.0.1)"},
    flag{"--port", "server.port", "port to listen on (default: 7070; 0: any free one)"},
    flag{"--key-file", "server.key_file", "file that holds the API key"},
    flag{"--static-dir", "server.static_dir", "folder of the dashboard's files"},
    flag{"--engine", "engine.host", "the Docker Engine: unix:///path or tcp://host:port"},
    flag{"--state-dir", "state.dir", "folder for what Docker cannot keep"},
    flag{"--init", "state.init", "the program that is PID 1 of every space"},
    flag{"--files", "state.files", "the program that moves files in every space"},
    flag{"--log-format", "log.format", "text or json"},
    flag{"--log-level", "log.level", "debug, info, warn or error"},
};

} // namespace

std::string help() {
  std::string text = "clawdspaced - Linux machines for people and agents, on your own Docker Engine\n\n"
                     "usage: clawdspaced [--config FILE] [OPTION=VALUE ...]\n\n"
                     "  --config FILE        read this TOML file first\n"
                     "  --check-config       say whether the configuration is right, and stop\n"
                     "  --version            tell the version, and stop\n"
                     "  --help               this text\n";
  for (const auto& f : flags) text += fmt::format("  {:<20} {}\n", f.name, f.words);
  text += "  --set SECTION.KEY=VALUE\n"
          "                       any key of the configuration file\n\n"
          "PORT, API_KEY, IDLE_TIMEOUT_MS, CLAWDSPACE_IMAGE and DOCKER_HOST in the environment override the "
          "file,\n"
          "options override both.\n";
  return text;
}

command_line read_command_line(std::span<const char* const> arguments) {
  command_line line;
  std::optional<std::string> file;
  std::vector<std::pair<std::string, std::string>> given; // key, value
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const auto equals = argument.find('=');
    const auto name = argument.substr(0, equals);
    const auto value = [&]() -> std::string {
      if (equals != std::string_view::npos) return std::string(argument.substr(equals + 1));
      if (++i == arguments.size()) throw error(errc::invalid_field, fmt::format("{} needs a value", name));
      return arguments[i];
    };
    if (name == "--help" || name == "-h")
      line.what = command_line::action::help;
    else if (name == "--version")
      line.what = command_line::action::version;
    else if (name == "--check-config")
      line.what = command_line::action::check;
    else if (name == "--config")
      file = value();
    else if (name == "--set") {
      const auto pair = value();
      const auto split = pair.find('=');
      if (split == std::string::npos) throw error(errc::invalid_field, "--set needs SECTION.KEY=VALUE");
      given.emplace_back(pair.substr(0, split), pair.substr(split + 1));
    } else {
      const auto* found = std::ranges::find(flags, name, &flag::name);
      if (found == flags.end())
        throw error(errc::invalid_field, fmt::format("there is no option {}; see --help", name));
      given.emplace_back(found->key, value());
    }
  }
  if (line.what == command_line::action::help || line.what == command_line::action::version) return line;
  if (file) read_config(line.config, *file);
  read_environment(line.config, [](const char* name) { return std::getenv(name); });
  for (const auto& [key, value] : given) {
    try {
      set_config(line.config, key, value);
    } catch (const error& e) {
      throw error(errc::invalid_field, fmt::format("{} on the command line: {}", key, e.what()));
    }
  }
  return line;
}

} // namespace clawdspace::app
