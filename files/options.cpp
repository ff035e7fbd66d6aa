#include "options.hpp"

#include <clawdspace/files/protocol.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace clawdspace::files {
namespace {

struct operation {
  std::string_view name;
  std::size_t paths;
  std::vector<std::string_view> takes;
};

const operation* find_operation(std::string_view name) {
  static const std::array operations{
      operation{op_read,
                1,
                {option_head, option_first, option_last, option_suffix, option_if_match, option_if_none_match,
                 option_if_modified_since, option_if_unmodified_since, option_if_range}},
      operation{op_stat, 1, {option_follow}},
      operation{op_list, 1, {option_after, option_limit}},
      operation{
          op_write, 1, {option_mode, option_parents, option_length, option_if_match, option_if_none_match}},
      operation{op_remove, 1, {option_recursive, option_if_match}},
      operation{op_mkdir, 1, {option_mode, option_parents}},
      operation{op_rename, 2, {option_replace, option_parents}},
      operation{op_copy, 2, {option_replace, option_parents}},
      operation{op_chmod, 1, {option_mode}},
      operation{op_symlink, 2, {option_replace, option_parents}},
      operation{op_pack, 1, {}},
      operation{op_unpack, 1, {option_parents, option_length}},
      operation{op_watch, 0, {}},
  };
  const auto* found = std::ranges::find(operations, name, &operation::name);
  return found == operations.end() ? nullptr : found;
}

std::optional<unsigned> parse_mode(std::string_view digits) {
  unsigned mode = 0;
  const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), mode, 8);
  if (wrong != std::errc() || end != digits.data() + digits.size() || mode > 07777) return std::nullopt;
  return mode;
}

bool take_flag(std::string_view name, options& o) {
  if (name == option_head) return o.head = true;
  if (name == option_follow) return o.follow = true;
  if (name == option_parents) return o.parents = true;
  if (name == option_recursive) return o.recursive = true;
  if (name == option_replace) return o.replace = true;
  return false;
}

std::optional<std::int64_t>* number_of(std::string_view name, options& o) {
  if (name == option_first) return &o.first;
  if (name == option_last) return &o.last;
  if (name == option_suffix) return &o.suffix;
  if (name == option_length) return &o.length;
  if (name == option_limit) return &o.limit;
  if (name == option_if_modified_since) return &o.if_modified_since;
  if (name == option_if_unmodified_since) return &o.if_unmodified_since;
  return nullptr;
}

bool take_value(std::string_view name, std::string_view value, options& o) {
  if (auto* number = number_of(name, o)) return (*number = parse_number(value)).has_value();
  if (name == option_mode) return (o.mode = parse_mode(value)).has_value();
  if (name == option_if_match) o.if_match = value;
  if (name == option_if_none_match) o.if_none_match = value;
  if (name == option_if_range) o.if_range = value;
  if (name == option_after) o.after = value;
  return true;
}

std::string take(std::string_view argument, const operation& op, options& o) {
  const auto equals = argument.find('=');
  const auto name = argument.substr(0, equals == argument.npos ? equals : equals + 1);
  if (std::ranges::find(op.takes, name) == op.takes.end())
    return std::string(op.name) + " takes no `" + std::string(argument) + "`";
  const bool right =
      equals == argument.npos ? take_flag(name, o) : take_value(name, argument.substr(equals + 1), o);
  return right ? "" : "`" + std::string(argument) + "` has no such value";
}

std::string check(const options& o) {
  if (o.op == op_chmod && !o.mode) return "chmod needs --mode=";
  if (o.suffix && (o.first || o.last)) return "--suffix goes with neither --first nor --last";
  if (o.last && !o.first) return "--last goes with --first";
  if (o.first && o.last && *o.last < *o.first) return "--last lies before --first";
  if (o.limit && (*o.limit < 1 || *o.limit > list_limit))
    return "--limit is from 1 to " + std::to_string(list_limit);
  return {};
}

} // namespace

std::optional<std::int64_t> parse_number(std::string_view digits) {
  std::int64_t n = 0;
  if (digits.empty() || digits[0] < '0' || digits[0] > '9') return std::nullopt;
  const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  if (wrong != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return n;
}

std::string parse_options(std::span<char* const> arguments, options& into) {
  into = {};
  if (arguments.empty()) return "an operation is missing";
  into.op = arguments[0];
  const auto* op = find_operation(into.op);
  if (op == nullptr) return "no such operation: `" + std::string(into.op) + "`";
  std::size_t at = 1;
  for (; at < arguments.size() && std::string_view(arguments[at]) != "--"; ++at)
    if (auto wrong = take(arguments[at], *op, into); !wrong.empty()) return wrong;
  const auto paths = at < arguments.size() ? arguments.subspan(at + 1) : std::span<char* const>();
  if (paths.size() != op->paths)
    return std::string(op->name) + " takes " + std::to_string(op->paths) + " paths after `--`";
  if (!paths.empty()) into.path = paths[0];
  if (paths.size() > 1) into.to = paths[1];
  return check(into);
}

} // namespace clawdspace::files
