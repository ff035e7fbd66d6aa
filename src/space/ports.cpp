#include <clawdspace/core/log.hpp>
#include <clawdspace/space/ports.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <tuple>

namespace clawdspace::spaces {

using namespace std::chrono_literals;

namespace {

constexpr auto start_patience = 2s; // for what listens to begin, in a space that was stopped
constexpr auto try_again = 50ms;
constexpr std::size_t longest_path = 107; // bytes; unix(7)
constexpr std::size_t most_named = 8;     // of what listens, in words

void sort(std::vector<listening>& all) {
  const auto key = [](const listening& l) { return std::tie(l.what, l.port, l.path, l.address); };
  std::ranges::sort(all, [&](const listening& a, const listening& b) { return key(a) < key(b); });
}

std::string to_words(const std::vector<listening>& all) {
  std::string words;
  std::size_t named = 0;
  for (const auto& l : all) {
    if (l.what == listening::kind::udp) continue;
    if (++named > most_named) return words + ", and more";
    if (!words.empty()) words += ", ";
    words += l.path.empty() ? fmt::format("{}", l.port) : l.path;
    if (l.owner) words += fmt::format(" ({})", l.owner->name);
  }
  return words.empty() ? "nothing" : words;
}

/// Where a port is listened to: what was not tried yet.
std::vector<asio::ip::address> other_addresses(const std::vector<listening>& all, std::uint16_t port) {
  std::vector<asio::ip::address> others;
  for (const auto& l : all) {
    if (l.what != listening::kind::tcp || l.port != port) continue;
    std::error_code ec;
    const auto address = asio::ip::make_address(l.address, ec);
    // A link-local one says nothing without its link.
    if (ec || address.is_unspecified() || (address.is_v6() && address.to_v6().is_link_local())) continue;
    others.push_back(address);
  }
  return others;
}

bool is_nobody(int number) { return number == ECONNREFUSED || number == ENOENT || number == EADDRNOTAVAIL; }

} // namespace

result<port_target> port_target::parse(std::string_view text) {
  if (text.starts_with('/')) {
    if (text.size() > longest_path || text.find('\0') != std::string_view::npos)
      return failure(errc::invalid_field,
                     fmt::format("port: a unix socket's path has at most {} bytes and no NUL", longest_path));
    return port_target{.path = std::string(text)};
  }
  port_target read;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), read.port);
  if (ec != std::errc{} || end != text.data() + text.size() || read.port == 0)
    return failure(errc::invalid_field,
                   "port: must be 1 to 65535, or the absolute path of a unix socket, percent-encoded");
  return read;
}

std::string port_target::to_words() const { return path.empty() ? fmt::format("port {}", port) : path; }

nothing_listens::nothing_listens(const std::string& what, std::vector<listening> instead)
    : error(errc::nothing_listens, what), instead_(std::move(instead)) {}

ports::ports(const asio::any_io_executor& executor, registry& known, lifecycle& operations, doors& all)
    : executor_(executor), known_(known), operations_(operations), doors_(all) {}

task<std::shared_ptr<door::door>> ports::door_of(space_ptr s) const {
  if (auto open = co_await doors_.wait_for(s)) co_return open;
  throw error(errc::not_supported,
              fmt::format("what listens in \"{}\" cannot be reached: {}", s->self.name, s->backend_reason));
}

task<std::vector<listening>> ports::look(space_ptr s, bool names) {
  const auto through = co_await door_of(s);
  auto all = co_await through->listeners(names);
  sort(all);
  co_return all;
}

task<std::vector<listening>> ports::list(std::string name) {
  const auto s = known_.at(name);
  if (s->state == space_state::stopped) co_return std::vector<listening>{};
  if (s->state == space_state::running && !s->falling_asleep) co_return co_await look(s, true);
  const bool slept = s->state == space_state::paused || s->falling_asleep;
  const int held_before = s->leases; // it was put to sleep in spite of them
  std::vector<listening> all;
  {
    const auto held = co_await operations_.wake(s);
    all = co_await look(s, true);
    if (slept) co_await let_sleep(s, held_before + 1);
  }
  co_return all;
}

task<> ports::let_sleep(space_ptr s, int held) {
  try {
    co_await operations_.put_to_sleep(s, sleep_depth::paused, held);
  } catch (const error& e) { // the sleeper will
    log_warning("a space could not be frozen again",
                {field("space", s->self.name), field("reason", e.what())});
  }
}

task<door::door::connected> ports::try_once(space_ptr s, std::shared_ptr<door::door> through,
                                            port_target to) {
  if (!to.path.empty())
    co_return co_await through->connect_unix(to.path, s->self.image_user, s->self.profile == profile::strict);
  auto first = co_await through->connect_tcp(asio::ip::address_v4::loopback(), to.port);
  if (first.socket) co_return first;
  auto second = co_await through->connect_tcp(asio::ip::address_v6::loopback(), to.port);
  if (second.socket) co_return second;
  const auto all = co_await through->listeners(false);
  for (const auto& address : other_addresses(all, to.port)) {
    auto other = co_await through->connect_tcp(address, to.port);
    if (other.socket) co_return other;
    if (is_nobody(first.error_number)) first.error_number = other.error_number;
  }
  co_return first;
}

task<port_connection> ports::connect(std::string name, port_target to) {
  const auto s = known_.at(name);
  const bool was_stopped = s->state == space_state::stopped || s->state == space_state::creating;
  auto held = co_await operations_.wake(s);
  const auto until = std::chrono::steady_clock::now() + start_patience;
  for (;;) {
    const auto through = co_await door_of(s);
    auto made = co_await try_once(s, through, to);
    if (made.socket) co_return port_connection(executor_, std::move(made.socket), std::move(held));
    const bool nobody = is_nobody(made.error_number);
    if (nobody && was_stopped && std::chrono::steady_clock::now() < until) {
      asio::steady_timer pause{executor_, try_again};
      co_await pause.async_wait(asio::use_awaitable);
      continue;
    }
    if (!nobody)
      throw error(errc::connection_refused, fmt::format("\"{}\" let no connection to {} come about: {}", name,
                                                        to.to_words(), std::strerror(made.error_number)));
    auto instead = co_await look(s, true);
    const auto words = fmt::format("nothing listens on {} in \"{}\"; what does listen there: {}",
                                   to.to_words(), name, spaces::to_words(instead));
    throw nothing_listens(words, std::move(instead));
  }
}

} // namespace clawdspace::spaces
