#pragma once

#include <string>
#include <vector>

namespace bench {

/// The value in the middle; the figures are sorted by it.
double median(std::vector<double> figures);
double percentile(std::vector<double> figures, double part);

/// Resident memory of a process, in bytes, and the processor time it has used, in seconds (/proc/PID).
double resident(int pid);
double processor_time(int pid);

/// Seconds since some moment.
double now();

/// A line of the table: what, ours, the other's, and how the two compare with the bar.
void print_row(const std::string& what, const std::string& ours, const std::string& theirs,
               const std::string& verdict);

} // namespace bench
