#include <clawdspace/space/chosen_backend.hpp>

#include <fmt/format.h>

namespace clawdspace::spaces {

task<std::unique_ptr<running_command>> chosen_backend::start(space_ptr where, command_spec what) {
  if (doors_.find(*where) || co_await doors_.wait_for(where))
    co_return co_await door_.start(std::move(where), std::move(what));
  if (what.outlives || what.login)
    throw error(errc::not_supported,
                fmt::format("\"{}\" runs no command that outlives its request, and no login "
                            "shell: {}",
                            where->self.name, where->backend_reason));
  co_return co_await engine_.start(std::move(where), std::move(what));
}

task<bool> chosen_backend::end_rest(space_ptr where, std::string id) {
  if (co_await doors_.wait_for(where)) co_return co_await door_.end_rest(std::move(where), std::move(id));
  co_return co_await engine_.end_rest(std::move(where), std::move(id));
}

task<> chosen_backend::hear(space_ptr where) { co_await doors_.wait_for(std::move(where)); }

void chosen_backend::forget(const space_ptr& where, const std::string& id) { door_.forget(where, id); }
void chosen_backend::forget_some_time(const space_ptr& where, const std::string& id) {
  door_.forget_some_time(where, id);
}

std::string chosen_backend::limitation(const space& where) const { return door_.limitation(where); }

} // namespace clawdspace::spaces
