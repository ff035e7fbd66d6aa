#pragma once

#include "http.hpp"

#include <boost/json.hpp>

#include <string>
#include <vector>

namespace bench {

/// What is measured: a daemon, and the Engine beneath it.
struct setup {
  int port = 0;
  int pid = 0; ///< the daemon's
  std::string key;
  std::string engine; ///< its socket's path
};

std::string authorization(const setup& s);

/// The answer's body as JSON; ends the program where the status is another one.
boost::json::value expect(const connection::answer& answer, int status, std::string_view what);

std::string container_of(const setup& s, const std::string& space);

/// A command through the Engine's own exec: create, start, read to the end, inspect. Returns the size of its
/// output.
std::uint64_t raw_exec(const setup& s, connection& engine, const std::string& container,
                       const boost::json::array& command);

/// A command through the daemon, buffered.
void our_exec(const setup& s, connection& daemon, const std::string& space,
              const boost::json::array& command);

// commands.cpp: what a command costs, beside the host's own spawn and the Engine's exec
void measure_spawn(const setup& s, const std::string& space);
void measure_parallel(const setup& s, const std::vector<std::string>& spaces);
void measure_first_byte(const setup& s, const std::string& space);
void measure_wake(const setup& s, const std::string& space);

// streams.cpp: what output and terminals cost
void measure_stream(const setup& s, const std::string& space, int rounds);
void measure_slow_reader(const setup& s, const std::string& space);
void measure_many(const setup& s, const std::vector<std::string>& spaces);
void measure_echo(const setup& s, const std::string& space);

} // namespace bench
