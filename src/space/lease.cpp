#include <clawdspace/space/space.hpp>

namespace clawdspace::spaces {

lease::lease(space_ptr of, clock& time, revision& watched)
    : space_(std::move(of)), clock_(&time), watched_(&watched) {
  ++space_->leases;
  space_->last_used = clock_->now();
  watched_->bump();
}

lease& lease::operator=(lease&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  space_ = std::move(other.space_);
  clock_ = other.clock_;
  watched_ = other.watched_;
  return *this;
}

lease::~lease() { give_back(); }

void lease::give_back() {
  if (!space_) return;
  --space_->leases;
  space_->last_used = clock_->now();
  space_.reset();
  watched_->bump();
}

} // namespace clawdspace::spaces
