#pragma once

#include <clawdspace/core/gate.hpp>
#include <clawdspace/http/exchange.hpp>
#include <clawdspace/space/command_record.hpp>
#include <clawdspace/space/execution.hpp>

#include <boost/json.hpp>

#include <array>
#include <optional>
#include <string>

namespace clawdspace::api {

/// `stream` absent: everything at the end, in one object. Output past `limit` is counted and dropped.
class buffered_answer final : public spaces::output_sink {
 public:
  explicit buffered_answer(bytes limit) : limit_(static_cast<std::size_t>(count(limit))) {}

  task<> begin() override;
  task<> take(spaces::output_piece piece) override;
  [[nodiscard]] boost::json::object finish(const std::string& id, const spaces::ending& end);

 private:
  struct output {
    std::string kept;
    std::uint64_t total = 0;
  };
  std::size_t limit_;
  std::array<output, 2> outputs_;
};

/// `stream=raw`: the bytes as they come, the ending in trailers.
class raw_answer final : public spaces::output_sink {
 public:
  /// `may_have_gaps`: it is read from what was kept.
  raw_answer(http::exchange& x, std::string id, bool may_have_gaps = false)
      : exchange_(x), id_(std::move(id)), may_have_gaps_(may_have_gaps) {}

  task<> begin() override;
  task<> take(spaces::output_piece piece) override;
  [[nodiscard]] bool takes_pipes() const override { return true; }
  /// What is not kept any more: bytes can only tell it in the end.
  task<> gap(std::uint64_t from, std::uint64_t to);
  /// Without an ending where the command still runs.
  task<> finish(const std::optional<spaces::ending>& end);

 private:
  http::exchange& exchange_;
  std::string id_;
  bool may_have_gaps_;
  std::string gaps_;
};

/// `stream=ndjson`: an object a line, with a ping in silence.
class ndjson_answer final : public spaces::output_sink {
 public:
  ndjson_answer(const asio::any_io_executor& executor, http::exchange& x, std::string id)
      : exchange_(x), id_(std::move(id)), line_(executor) {}

  task<> begin() override;
  task<> take(spaces::output_piece piece) override;
  task<> gap(std::uint64_t from, std::uint64_t to);
  /// Without a last line where the command still runs.
  task<> finish(const std::optional<spaces::ending>& end);
  /// Writes a ping after each 15 s of silence, until it is cancelled.
  task<> ping();

 private:
  task<> write(boost::json::object object);
  task<> write_data(spaces::channel from, std::string data);

  http::exchange& exchange_;
  std::string id_;
  gate line_;                          ///< a ping never comes between the pieces of a line
  std::array<std::string, 2> partial_; ///< the beginning of a character
  std::chrono::steady_clock::time_point last_line_{};
};

/// A command as it is listed.
boost::json::object to_json(const spaces::command_record& about);

/// The fields that tell an ending, the same wherever it is told.
void put_ending(boost::json::object& into, const spaces::ending& end);

} // namespace clawdspace::api
