#pragma once

#include <clawdspace/core/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace clawdspace {

/// An amount of memory or data.
enum class bytes : std::int64_t {};

constexpr std::int64_t count(bytes b) { return static_cast<std::int64_t>(b); }
constexpr bytes operator""_KiB(unsigned long long n) { return bytes{static_cast<std::int64_t>(n) << 10}; }
constexpr bytes operator""_MiB(unsigned long long n) { return bytes{static_cast<std::int64_t>(n) << 20}; }
constexpr bytes operator""_GiB(unsigned long long n) { return bytes{static_cast<std::int64_t>(n) << 30}; }

/// Processor time per time, in billionths of a core: the Engine's NanoCpus.
enum class nano_cpus : std::int64_t {};

constexpr std::int64_t count(nano_cpus c) { return static_cast<std::int64_t>(c); }

/// `512m`, `2g`, `1.5gb`, `64MiB`, or a plain number of bytes; powers of 1024 throughout, as `docker run`
/// reads them. Fails with errc::invalid_field.
result<bytes> parse_bytes(std::string_view text);

/// `0.5`, `2`: a positive decimal number of cores with at most nine decimals. Fails with errc::invalid_field.
result<nano_cpus> parse_cpus(std::string_view text);
result<nano_cpus> cpus_from(double cores);

/// `512 MiB`, `1.5 GiB`: for people.
std::string to_words(bytes b);

} // namespace clawdspace
