#include "figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace bench {

double percentile(std::vector<double> figures, double part) {
  std::ranges::sort(figures);
  return figures.at(static_cast<std::size_t>(part * static_cast<double>(figures.size() - 1)));
}

double median(std::vector<double> figures) { return percentile(std::move(figures), 0.5); }

double resident(int pid) {
  std::ifstream in(fmt::format("/proc/{}/statm", pid));
  double size = 0;
  double pages = 0;
  in >> size >> pages;
  return pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double processor_time(int pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  std::stringstream text;
  text << in.rdbuf();
  std::istringstream rest(text.str().substr(text.str().rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) rest >> skipped;
  double user = 0;
  double system = 0;
  rest >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void print_row(const std::string& what, const std::string& ours, const std::string& theirs,
               const std::string& verdict) {
  fmt::print("{:<44} {:>16} {:>16}   {}\n", what, ours, theirs, verdict);
  std::fflush(stdout);
}

} // namespace bench
