#pragma once

#include "inlet.hpp"
#include "upgraded.hpp"
#include <clawdspace/http/exchange.hpp>

namespace clawdspace::http {

/// A served connection that became something which is not ours to understand.
class served_stream final : public raw_stream, public upgraded {
 public:
  served_stream(wire& to, inlet& from) : wire_(to), inlet_(from) {}

  task<std::size_t> read_some(std::span<std::byte> into) override;
  task<> write(std::span<const std::byte> data) override;
  void end_sending() override { wire_.end_sending(); }
  void reset_on_close() override { wire_.reset_on_close(); }

  void look(steady_time) override {} // how long it may be silent is for its two ends to know
  void go_away() override;

  [[nodiscard]] std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }

 private:
  wire& wire_;
  inlet& inlet_;
  std::uint64_t bytes_sent_ = 0;
  bool going_ = false;
};

} // namespace clawdspace::http
