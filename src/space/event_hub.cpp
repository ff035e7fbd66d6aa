#include <clawdspace/core/random.hpp>
#include <clawdspace/space/event_hub.hpp>

#include <fmt/format.h>

#include <charconv>

namespace clawdspace::spaces {

event_hub::event_hub(const asio::any_io_executor& executor, std::size_t capacity)
    : capacity_(capacity), life_(random_hex(4)), published_(executor), audience_changed_(executor) {}

void event_hub::publish(std::string_view type, std::string data) {
  if (ring_.size() == capacity_) ring_.pop_front();
  ring_.push_back({next_++, std::string(type), std::move(data)});
  published_.bump();
}

const event_hub::entry* event_hub::at(std::uint64_t place) const noexcept {
  if (place >= next_ || ring_.empty()) return nullptr;
  const auto from = std::max(place, oldest());
  return &ring_[static_cast<std::size_t>(from - oldest())];
}

task<> event_hub::wait_for(std::uint64_t place) {
  while (place >= next_) co_await published_.wait_past(published_.value());
}

event_hub::audience::audience(event_hub& of) : hub_(of) {
  ++hub_.audience_;
  hub_.audience_changed_.bump();
}

event_hub::audience::~audience() { --hub_.audience_; }

task<> event_hub::wait_for_audience() {
  while (!has_audience()) co_await audience_changed_.wait_past(audience_changed_.value());
}

std::string event_hub::to_id(std::uint64_t sequence) const { return fmt::format("{}-{}", life_, sequence); }

std::optional<std::uint64_t> event_hub::place_after(std::string_view id) const {
  if (id.size() <= life_.size() || !id.starts_with(life_) || id[life_.size()] != '-') return std::nullopt;
  id.remove_prefix(life_.size() + 1);
  std::uint64_t sequence = 0;
  const auto [end, ec] = std::from_chars(id.data(), id.data() + id.size(), sequence);
  if (ec != std::errc{} || end != id.data() + id.size() || sequence >= next_) return std::nullopt;
  return sequence + 1;
}

} // namespace clawdspace::spaces
