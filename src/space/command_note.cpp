#include "command_note.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>

namespace clawdspace::spaces {

namespace json = boost::json;

namespace {

constexpr std::int64_t longest = 100LL * 366 * 24 * 3600 * 1000; // ms: the API's own limit
constexpr std::int64_t most_rows = 65'535;
constexpr std::array outcomes{outcome::exited,         outcome::signaled, outcome::timed_out,
                              outcome::out_of_memory,  outcome::canceled, outcome::lost,
                              outcome::failed_to_start};

json::value or_null(std::optional<milliseconds> time) {
  return time ? json::value(time->count()) : json::value(nullptr);
}

template <class T> json::value or_null(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

std::int64_t to_ms(time_point when) {
  return std::chrono::duration_cast<milliseconds>(when.time_since_epoch()).count();
}

// Reads fields, and remembers whether each was of its type and within its bounds.
class reader {
 public:
  explicit reader(const json::object& from) : from_(from) {}

  [[nodiscard]] bool is_good() const noexcept { return good_; }

  std::string text(std::string_view name) {
    const auto* value = from_.if_contains(name);
    if (value == nullptr || !value->is_string() || value->get_string().size() > command_facts::text_limit)
      return fail<std::string>();
    return std::string(value->get_string());
  }
  bool flag(std::string_view name) {
    const auto* value = from_.if_contains(name);
    return value != nullptr && value->is_bool() ? value->get_bool() : fail<bool>();
  }
  std::int64_t number(std::string_view name, std::int64_t least, std::int64_t most) {
    const auto* value = from_.if_contains(name);
    if (value == nullptr || !value->is_int64() || value->get_int64() < least || value->get_int64() > most)
      return fail<std::int64_t>();
    return value->get_int64();
  }
  std::optional<std::int64_t> number_or_null(std::string_view name, std::int64_t least, std::int64_t most) {
    const auto* value = from_.if_contains(name);
    if (value != nullptr && value->is_null()) return std::nullopt;
    return number(name, least, most);
  }
  std::optional<milliseconds> time_or_null(std::string_view name) {
    const auto ms = number_or_null(name, 0, longest);
    return ms ? std::optional(milliseconds(*ms)) : std::nullopt;
  }
  time_point moment(std::string_view name) { return time_point(milliseconds(number(name, 0, longest))); }
  std::vector<std::string> texts(std::string_view name) {
    const auto* value = from_.if_contains(name);
    const auto* all = value == nullptr ? nullptr : value->if_array();
    std::vector<std::string> read;
    if (all == nullptr || all->size() > command_facts::text_limit) return fail<decltype(read)>();
    for (const auto& one : *all) {
      if (!one.is_string() || one.get_string().size() > command_facts::text_limit)
        return fail<decltype(read)>();
      read.emplace_back(one.get_string());
    }
    return read;
  }

 private:
  template <class T> T fail() {
    good_ = false;
    return T{};
  }
  const json::object& from_;
  bool good_ = true;
};

json::object to_json(const ending& end, time_point when) {
  return {{"outcome", to_string(end.outcome)},
          {"exitCode", or_null(end.exit_code)},
          {"signal", or_null(end.signal)},
          {"code", end.failure_code.substr(0, command_facts::text_limit)},
          {"reason", end.reason.substr(0, command_facts::text_limit)},
          {"oomKills",
           end.oom_kills ? json::value(static_cast<std::int64_t>(*end.oom_kills)) : json::value(nullptr)},
          {"confirmed", or_null(end.confirmed)},
          {"durationMs", end.duration.count()},
          {"ended", to_ms(when)}};
}

bool read_ending(const json::object& from, command_note& into) {
  reader fields(from);
  ending end;
  const auto word = fields.text("outcome");
  const auto named = std::ranges::find_if(outcomes, [&](outcome o) { return to_string(o) == word; });
  if (named == outcomes.end()) return false;
  end.outcome = *named;
  if (const auto code = fields.number_or_null("exitCode", 0, 255)) end.exit_code = static_cast<int>(*code);
  if (const auto number = fields.number_or_null("signal", 1, 64)) end.signal = static_cast<int>(*number);
  end.failure_code = fields.text("code");
  end.reason = fields.text("reason");
  if (const auto kills = fields.number_or_null("oomKills", 0, INT64_MAX))
    end.oom_kills = static_cast<std::uint64_t>(*kills);
  if (const auto* confirmed = from.if_contains("confirmed"); confirmed != nullptr && confirmed->is_bool())
    end.confirmed = confirmed->get_bool();
  end.duration = milliseconds(fields.number("durationMs", 0, longest));
  into.ended = fields.moment("ended");
  into.end = std::move(end);
  return fields.is_good();
}

} // namespace

std::string to_text(const command_note& note) {
  const auto& facts = note.facts;
  json::object text{
      {"id", facts.id},
      {"argv", json::array(facts.argv.begin(), facts.argv.end())},
      {"shell", facts.shell},
      {"login", facts.login},
      {"cut", facts.cut},
      {"cwd", facts.cwd},
      {"user", facts.user},
      {"started", to_ms(facts.started)},
      {"tty", facts.tty},
      {"rows", facts.rows},
      {"cols", facts.columns},
      {"input", facts.input},
      {"detached", facts.detached},
      {"terminal", facts.terminal},
      {"keepAwake", facts.keep_awake},
      {"lingerMs", or_null(facts.linger)},
      {"timeoutMs", or_null(facts.timeout)},
      {"ranMs", note.ran.count()},
      {"written", to_ms(note.written)},
      {"frozen", note.frozen},
      {"cause", static_cast<int>(note.cause)},
      {"end", note.end ? json::value(to_json(*note.end, note.ended)) : json::value(nullptr)},
  };
  return json::serialize(text);
}

std::optional<command_note> note_from(std::string_view text) {
  json::error_code ec;
  const auto parsed = json::parse(text, ec);
  const auto* object = ec ? nullptr : parsed.if_object();
  if (object == nullptr) return std::nullopt;
  reader fields(*object);
  command_note note;
  auto& facts = note.facts;
  facts.id = fields.text("id");
  facts.argv = fields.texts("argv");
  facts.shell = fields.flag("shell");
  facts.login = fields.flag("login");
  facts.cut = fields.flag("cut");
  facts.cwd = fields.text("cwd");
  facts.user = fields.text("user");
  facts.started = fields.moment("started");
  facts.tty = fields.flag("tty");
  facts.rows = static_cast<int>(fields.number("rows", 1, most_rows));
  facts.columns = static_cast<int>(fields.number("cols", 1, most_rows));
  facts.input = fields.flag("input");
  facts.detached = fields.flag("detached");
  facts.terminal = fields.flag("terminal");
  facts.keep_awake = fields.flag("keepAwake");
  facts.linger = fields.time_or_null("lingerMs");
  facts.timeout = fields.time_or_null("timeoutMs");
  note.ran = milliseconds(fields.number("ranMs", 0, longest));
  note.written = fields.moment("written");
  note.frozen = fields.flag("frozen");
  note.cause = static_cast<end_cause>(fields.number("cause", 0, 2));
  const auto* end = object->if_contains("end");
  if (end != nullptr && end->is_object() && !read_ending(end->get_object(), note)) return std::nullopt;
  return fields.is_good() ? std::optional(std::move(note)) : std::nullopt;
}

} // namespace clawdspace::spaces
