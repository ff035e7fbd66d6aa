/// clawdspace-files: what moves files into a space, out of it and about in it, for the daemon. It needs
/// nothing from the image that it runs in. include/clawdspace/files/protocol.hpp says how it is called.

#include "cancel.hpp"
#include "failure.hpp"
#include "operations.hpp"
#include "paths.hpp"
#include "report.hpp"
#include "transfer.hpp"
#include <clawdspace/files/protocol.hpp>

#include <cstdlib>
#include <new>
#include <unistd.h>

namespace {

using namespace clawdspace::files;

constexpr char usage[] = "clawdspace-files " CLAWDSPACE_VERSION R"(
Moves files in a space, for the daemon.

  clawdspace-files OP [--option[=value]…] -- PATH [TO]
  clawdspace-files --version | --help

OP is read, stat, list, write, remove, mkdir, rename, copy, chmod, symlink, pack, unpack or watch. Contents come in on
stdin and go out on stdout; what became of it is on stderr, as lines of JSON.
)";

std::string expanded(std::string_view path) {
  const char* home = getenv("HOME");
  return expand(path, home != nullptr ? home : "");
}

void run(const options& o) {
  if (o.op == op_watch) return watch();
  const auto path = expanded(o.path);
  if (o.op == op_read) return read_file(o, path);
  if (o.op == op_stat) return stat_file(o, path);
  if (o.op == op_list) return list_folder(o, path);
  if (o.op == op_write) return write_file(o, path);
  if (o.op == op_remove) return remove_file(o, path);
  if (o.op == op_mkdir) return make_folder(o, path);
  if (o.op == op_chmod) return change_mode(o, path);
  if (o.op == op_symlink) return make_link(o, path);
  if (o.op == op_rename) return rename_file(o, path, expanded(o.to));
  if (o.op == op_copy) return copy_file(o, path, expanded(o.to));
  if (o.op == op_pack) return pack(path);
  return unpack(o, path);
}

int finish(const failure& why) {
  report(refusal_line(why));
  return exit_refused;
}

} // namespace

int main(int argc, char** argv) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (argc == 2 && (first == "--version" || first == "--help")) {
    write_all(STDOUT_FILENO, first == "--help" ? usage : "clawdspace-files " CLAWDSPACE_VERSION "\n",
              "stdout");
    return exit_ok;
  }
  options o;
  if (const auto wrong = parse_options({argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)}, o);
      !wrong.empty()) {
    write_all(STDERR_FILENO, "clawdspace-files: " + wrong + " (--help says more)\n", "stderr");
    return exit_usage;
  }
  watch_signals();
  try {
    run(o);
    return exit_ok;
  } catch (const failure& why) {
    return finish(why);
  } catch (const std::bad_alloc&) {
    return finish(failure_of(o.path, ENOMEM));
  }
}
