#pragma once

#include <clawdspace/engine/client.hpp>

#include <asio/io_context.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <random>
#include <string>
#include <support/run_coroutine.hpp>
#include <unistd.h>

namespace clawdspace::test {

/// The Engine that the tests may use: CLAWDSPACE_TEST_ENGINE, an address as in DOCKER_HOST.
inline engine::endpoint live_engine() {
  const char* const address = std::getenv("CLAWDSPACE_TEST_ENGINE");
  if (address == nullptr)
    FAIL("CLAWDSPACE_TEST_ENGINE is not set: run script/test, which finds or starts an Engine and names it "
         "there");
  return value_or_throw(engine::endpoint::parse(address));
}

/// A label that only this run's containers carry.
inline const std::string& run_label() {
  static const std::string label =
      fmt::format("clawdspace.test.engine={}-{}", ::getpid(), std::random_device{}());
  return label;
}

/// What the tests need of an image: a shell and the basic tools.
inline task<std::string> live_image(engine::client& docker) {
  if (const char* const named = std::getenv("CLAWDSPACE_TEST_IMAGE")) co_return named;
  const std::string ours = "clawdspace/space:test";
  try {
    co_await docker.inspect_image(ours);
    co_return ours;
  } catch (const engine::engine_error& e) {
    if (e.status() != 404) throw;
  }
  co_return "debian:bookworm-slim";
}

/// Runs `body(client&)`, a named coroutine lambda, against the Engine; then removes every container of this
/// run, whatever happened.
template <class Body>
void with_live_engine(Body body, std::chrono::steady_clock::duration deadline = std::chrono::seconds(60)) {
  const auto where = live_engine();
  const auto run = [&](asio::io_context& loop) -> task<> {
    engine::client docker(loop.get_executor(), where);
    co_await docker.negotiate();
    co_await body(docker);
  };
  const auto sweep = [&](asio::io_context& loop) -> task<> {
    engine::client docker(loop.get_executor(), where);
    co_await docker.negotiate();
    for (const auto& left : co_await docker.list_containers(run_label()))
      co_await docker.remove_container(left.id);
  };
  std::exception_ptr failure;
  try {
    run_coroutine(run, deadline);
  } catch (...) {
    failure = std::current_exception();
  }
  run_coroutine(sweep, std::chrono::seconds(60));
  if (failure) std::rethrow_exception(failure);
}

/// A container of this run that sleeps; its id.
inline task<std::string> make_container(engine::client& docker, std::string name,
                                        engine::container_spec spec = {}) {
  if (spec.image.empty()) spec.image = co_await live_image(docker);
  if (spec.entrypoint.empty()) spec.entrypoint = {"sleep", "1000"};
  if (spec.network_mode.empty()) spec.network_mode = "none";
  const auto equals = run_label().find('=');
  spec.labels[run_label().substr(0, equals)] = run_label().substr(equals + 1);
  const auto id =
      co_await docker.create_container(fmt::format("clawdspace-test-{}-{}", name, ::getpid()), spec);
  co_return id;
}

inline task<std::string> start_one(engine::client& docker, std::string name,
                                   engine::container_spec spec = {}) {
  auto id = co_await make_container(docker, std::move(name), std::move(spec));
  co_await docker.start_container(id);
  co_return id;
}

} // namespace clawdspace::test
