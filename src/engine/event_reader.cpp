#include <clawdspace/engine/event_reader.hpp>
#include <clawdspace/engine/json.hpp>

#include <algorithm>

namespace clawdspace::engine {

result<event_reader::step> event_reader::feed(std::string_view input) {
  step got;
  while (got.taken < input.size()) {
    auto rest = input.substr(got.taken);
    if (skipping_) {
      const auto end = rest.find('\n');
      skipping_ = end == std::string_view::npos;
      got.taken += skipping_ ? rest.size() : end + 1;
      continue;
    }
    if (size_ == 0) { // no object has begun: what stands between two
      const auto first = std::min(rest.find_first_not_of(" \t\r\n"), rest.size());
      got.taken += first;
      rest.remove_prefix(first);
      if (rest.empty()) break;
    }
    boost::json::error_code ec;
    const auto part = rest.substr(0, longest - size_);
    const auto used = parser_.write_some(part.data(), part.size(), ec);
    if (ec) return failure(errc::engine_failed, "the Engine's event stream is not JSON: " + ec.message());
    got.taken += used;
    size_ += used;
    if (parser_.done()) {
      const auto whole = parser_.release();
      parser_.reset();
      size_ = 0;
      try {
        got.event = read_event(whole);
      } catch (const error& e) {
        return tl::unexpected(e);
      }
      return got;
    }
    if (size_ >= longest) {
      parser_.reset();
      size_ = 0;
      skipping_ = got.left_one_out = true;
    }
  }
  return got;
}

} // namespace clawdspace::engine
