#pragma once

namespace clawdspace::files {

/// From here on SIGTERM, SIGINT and SIGHUP interrupt what waits, and make `check_canceled` throw; SIGPIPE is
/// an errno.
void watch_signals();

/// Throws the failure `canceled` when such a signal came. Called wherever much is done or a wait was
/// interrupted.
void check_canceled();

/// For the cleaning up that follows.
void forget_cancel();

} // namespace clawdspace::files
