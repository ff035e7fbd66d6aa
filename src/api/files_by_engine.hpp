#pragma once

#include <clawdspace/http/exchange.hpp>
#include <clawdspace/space/engine_files.hpp>

#include <optional>
#include <string>

// The routes of files for a space that has no door: what the Engine's archive calls can carry.

namespace clawdspace::api {

task<> read_by_engine(http::exchange& x, spaces::engine_files& files, spaces::space_ptr s, std::string path,
                      std::string user);
/// Takes the whole body, up to `limit`, before anything is written.
task<> write_by_engine(http::exchange& x, spaces::engine_files& files, spaces::space_ptr s, std::string path,
                       std::string user, std::optional<std::string> mode, bool parents, bytes limit);
task<> pack_by_engine(http::exchange& x, spaces::engine_files& files, spaces::space_ptr s, std::string path,
                      std::string user, http::fields headers);
task<> unpack_by_engine(http::exchange& x, spaces::engine_files& files, spaces::space_ptr s, std::string path,
                        std::string user, bool parents);

} // namespace clawdspace::api
