#include "setup.hpp"

#include <fmt/format.h>

namespace bench {

namespace json = boost::json;

namespace {

constexpr std::string_view start_body = R"({"Detach":false,"Tty":false})";

std::string create_exec(connection& engine, const std::string& container, const json::array& command) {
  const auto made =
      expect(engine.call("POST", fmt::format("/containers/{}/exec", container), "",
                         json::serialize(
                             json::object{{"Cmd", command}, {"AttachStdout", true}, {"AttachStderr", true}})),
             201, "exec create");
  return std::string(made.at("Id").as_string());
}

} // namespace

std::string authorization(const setup& s) { return fmt::format("Authorization: Bearer {}\r\n", s.key); }

json::value expect(const connection::answer& answer, int status, std::string_view what) {
  if (answer.status != status) die(fmt::format("{}: {} {}", what, answer.status, answer.body));
  return answer.body.empty() ? json::value() : json::parse(answer.body);
}

std::string container_of(const setup& s, const std::string& space) {
  auto engine = connection::unix_socket(s.engine);
  const auto seen = expect(engine.call("GET", fmt::format("/containers/clawdspace-{}/json", space), "", ""),
                           200, "inspect");
  return std::string(seen.at("Id").as_string());
}

std::uint64_t raw_exec(const setup& s, connection& engine, const std::string& container,
                       const json::array& command) {
  const auto exec = create_exec(engine, container, command);
  auto stream = connection::unix_socket(s.engine);
  if (const int status = stream.hijack(fmt::format("/exec/{}/start", exec), start_body); status != 101)
    die(fmt::format("exec start: {}", status));
  const auto size = stream.read_frames();
  const auto seen =
      expect(engine.call("GET", fmt::format("/exec/{}/json", exec), "", ""), 200, "exec inspect");
  if (seen.at("ExitCode").as_int64() != 0) die("the raw command failed");
  return size;
}

void our_exec(const setup& s, connection& daemon, const std::string& space, const json::array& command) {
  const auto done = expect(daemon.call("POST", fmt::format("/api/spaces/{}/exec", space), authorization(s),
                                       json::serialize(json::object{{"command", command}})),
                           200, "exec");
  if (done.at("exitCode") != 0) die(fmt::format("our command failed: {}", json::serialize(done)));
}

} // namespace bench
