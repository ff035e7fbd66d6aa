#include "exec_things.hpp"

#include <stdexcept>

namespace clawdspace::test {

std::string exec_path(std::string_view space, std::string_view id, std::string_view rest) {
  return fmt::format("/api/spaces/{}/execs/{}{}", space, id, rest);
}

std::string detach(const std::string& space, json::object body) {
  body["detach"] = true;
  const auto r = ask("POST", fmt::format("/api/spaces/{}/exec", space), body);
  REQUIRE_MESSAGE(r.status == 202, json::serialize(r.body));
  return text(r.body.as_object(), "id");
}

json::object record_of(const std::string& space, std::string_view id) {
  const auto r = ask("GET", exec_path(space, id));
  REQUIRE_MESSAGE(r.status == 200, json::serialize(r.body));
  return r.body.as_object();
}

json::object ending_of(const std::string& space, std::string_view id) {
  json::object record;
  CHECK(comes_true(
      [&] {
        record = record_of(space, id);
        return text(record, "state") == "ended";
      },
      std::chrono::seconds(30)));
  return record;
}

exec_stream_client follow(const std::string& space, std::string_view id, std::string_view query,
                          int receive_buffer) {
  return {fmt::format("GET {}?{}", exec_path(space, id, "/output"), query), "", "", receive_buffer};
}

std::string output_of(const std::string& space, std::string_view id, std::string_view query) {
  return follow(space, id, query).rest();
}

std::string read_up_to(exec_stream_client& lines, std::string_view words) {
  std::string all;
  while (all.find(words) == std::string::npos) {
    const auto line = lines.line();
    if (line.empty() || text(line, "type") == "exit")
      throw std::runtime_error(
          fmt::format("it ended before it said \"{}\": {}{}", words, all, json::serialize(line)));
    if (line.contains("data")) all += text(line, "data");
    if (line.contains("base64")) all += from_base64(text(line, "base64"));
  }
  return all;
}

reply feed(const std::string& space, std::string_view id, std::string_view bytes, bool close) {
  return ask("POST", exec_path(space, id, close ? "/stdin" : "/stdin?close=false"), json::string(bytes));
}

reply send_signal(const std::string& space, std::string_view id, const json::value& signal, bool tree) {
  json::object body{{"signal", signal}};
  if (tree) body["tree"] = true;
  return ask("POST", exec_path(space, id, "/signal"), body);
}

account read_account(exec_stream_client& lines, std::uint64_t from) {
  account all;
  all.end = from;
  bool joins = false;
  for (auto line = lines.line(); !line.empty(); line = lines.line()) {
    const auto type = text(line, "type");
    if (type == "gap") {
      const auto to = line.at("to").to_number<std::uint64_t>();
      CHECK(line.at("from").to_number<std::uint64_t>() == all.end);
      CHECK(to > all.end);
      all.gaps += to - all.end;
      all.end = to;
      joins = false;
    } else if (type == "exit") {
      all.exit = line;
    } else if (type == "stdout" || type == "stderr") {
      const auto data = line.contains("data") ? text(line, "data") : from_base64(text(line, "base64"));
      if (!joins) all.pieces.push_back({all.end, {}});
      joins = true;
      all.pieces.back().data += data;
      all.end += data.size();
    }
  }
  return all;
}

std::string numbered_lines(std::size_t count) {
  std::string all;
  all.reserve(count * 16);
  for (std::size_t i = 0; i < count; ++i) all += fmt::format("{:015}\n", i);
  return all;
}

bool tells_truth(const account& of, std::string_view all) {
  std::size_t at = 0;
  for (const auto& [offset, data] : of.pieces) {
    // A number stands once in all of it; a piece that is too short to have one says nothing false.
    const auto found = all.find(data, at);
    if (found == std::string_view::npos) return false;
    at = found + data.size();
  }
  return true;
}

} // namespace clawdspace::test
