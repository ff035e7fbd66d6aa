#pragma once

#include <clawdspace/core/revision.hpp>
#include <clawdspace/core/unique_fd.hpp>
#include <clawdspace/door/message.hpp>

#include <memory>
#include <optional>
#include <string>

namespace clawdspace::door {

/// What is known of one command, as init has told it; `changed` grows with every word.
struct followed {
  followed(const asio::any_io_executor& executor, std::string which)
      : id(std::move(which)), changed(executor) {}

  const std::string id;
  std::optional<int> pid; ///< in the space; its program runs or ran
  std::optional<failed> failure;
  std::optional<ending> end; ///< of its main process
  std::optional<bool> gone;  ///< nothing of its tree is left: whether that is confirmed
  bool input_closed = false; ///< the end that init kept
  bool hung_up = false;      ///< likewise
  bool wants_end = false;    ///< init is told so again after a lost connection
  std::string lost;          ///< not empty: why no more will ever be heard of it
  std::shared_ptr<void> beginning; ///< of whoever follows it: let go of with `failure`, `end` or `lost`
  unique_fd terminal;        ///< the pty's master as it came; whoever uses it takes it
  revision changed;
};

} // namespace clawdspace::door
