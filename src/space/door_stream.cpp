#include "door_stream.hpp"

namespace clawdspace::spaces {

void door_stream::open(unique_fd fd, std::shared_ptr<door::followed> about) {
  close();
  fd_ = std::move(fd);
  state_ = std::make_shared<state>();
  state_->about = std::move(about);
}

void door_stream::close() {
  if (watched_) watched_->release(); // the descriptor stays ours to close
  watched_.reset();
  fd_.reset();
}

asio::posix::stream_descriptor& door_stream::watched() {
  if (!watched_) watched_.emplace(executor_, fd_.value());
  return *watched_;
}

void door_stream::watch_reading() {
  if (!fd_ || std::exchange(state_->reading, true)) return;
  watched().async_wait(asio::posix::descriptor_base::wait_read, [now = state_](std::error_code ec) {
    now->reading = false;
    if (ec) return; // it was closed
    now->may_read = true;
    now->about->changed.bump();
  });
}

void door_stream::watch_writing() {
  if (!fd_ || std::exchange(state_->writing, true)) return;
  watched().async_wait(asio::posix::descriptor_base::wait_write, [now = state_](std::error_code ec) {
    now->writing = false;
    if (!ec) now->about->changed.bump();
  });
}

} // namespace clawdspace::spaces
