#include "accounts.hpp"

namespace clawdspace::init {
namespace {

constexpr uint64_t highest_id = 0x7fffffff;
constexpr uint32_t fallback_id = 1001;
constexpr text fallback_name = "sandbox";
constexpr text fallback_home = "/home/sandbox";
constexpr text fallback_shell = "/bin/sh";

bool parse_id(text digits, uint32_t& id) {
  uint64_t n = 0;
  if (!parse_number(digits, highest_id, n)) return false;
  id = static_cast<uint32_t>(n);
  return true;
}

identity unknown_user(uint32_t uid) {
  identity who;
  who.uid = uid;
  who.home = "/";
  who.shell = fallback_shell;
  if (uid == fallback_id) {
    who.gid = fallback_id;
    who.name = fallback_name;
    who.home = fallback_home;
    who.home_may_be_made = true;
  }
  return who;
}

bool find_user(text name, text passwd, identity& who) {
  uint32_t uid = 0;
  const bool numeric = parse_id(name, uid);
  account a;
  bool found = false;
  account match;
  for (passwd_file file(passwd); file.next(a);) {
    if (a.name == name) {
      match = a;
      found = true;
      break;
    }
    if (numeric && a.uid == uid && !found) {
      match = a;
      found = true; // unless a name that looks like this number follows
    }
  }
  if (!found && !numeric) return false;
  if (!found) {
    who = unknown_user(uid);
    return true;
  }
  who = {};
  who.uid = match.uid;
  who.gid = match.gid;
  who.name = match.name;
  who.home = match.home.empty() ? text("/") : match.home;
  who.shell = match.shell.empty() ? fallback_shell : match.shell;
  return true;
}

bool find_group(text name, text groups, uint32_t& gid) {
  group g;
  for (group_file file(groups); file.next(g);) {
    if (g.name == name) {
      gid = g.gid;
      return true;
    }
  }
  return parse_id(name, gid);
}

} // namespace

bool passwd_file::next(account& found) {
  while (!rest_.empty()) {
    text fields = rest_.take_until('\n');
    found = {};
    found.name = fields.take_until(':');
    fields.take_until(':'); // the password's place
    const text uid = fields.take_until(':');
    const text gid = fields.take_until(':');
    fields.take_until(':'); // the full name
    found.home = fields.take_until(':');
    found.shell = fields.take_until(':');
    if (!found.name.empty() && parse_id(uid, found.uid) && parse_id(gid, found.gid)) return true;
  }
  return false;
}

bool group_file::next(group& found) {
  while (!rest_.empty()) {
    text fields = rest_.take_until('\n');
    found = {};
    found.name = fields.take_until(':');
    fields.take_until(':'); // the password's place
    const text gid = fields.take_until(':');
    found.members = fields.take_until(':');
    if (!found.name.empty() && parse_id(gid, found.gid)) return true;
  }
  return false;
}

bool is_member(const group& g, text user) {
  if (user.empty()) return false;
  for (text members = g.members; !members.empty();)
    if (members.take_until(',') == user) return true;
  return false;
}

lookup resolve_user(text spec, text passwd, text groups, identity& who) {
  const size_t colon = spec.find(':');
  if (!find_user(spec.first(colon), passwd, who)) return lookup::no_user;
  if (colon == spec.size()) return lookup::found;
  if (!find_group(spec.after(colon + 1), groups, who.gid)) return lookup::no_group;
  who.supplementary = false;
  return lookup::found;
}

lookup choose_identity(text asked, text image_user, text passwd, text groups, identity& who, text& decisive) {
  if (!asked.empty()) {
    decisive = asked;
    return resolve_user(asked, passwd, groups, who);
  }
  if (!image_user.empty()) {
    decisive = image_user;
    const lookup result = resolve_user(image_user, passwd, groups, who);
    if (result != lookup::found || who.uid != 0) return result;
  }
  decisive = fallback_name;
  // An image may well call root `sandbox`; nobody asked for root.
  if (find_user(fallback_name, passwd, who) && who.uid != 0) return lookup::found;
  who = unknown_user(fallback_id);
  return lookup::found;
}

size_t supplementary_groups(text groups, text user, uint32_t* gids, size_t room) {
  size_t count = 0;
  group g;
  for (group_file file(groups); file.next(g);) {
    if (!is_member(g, user)) continue;
    if (count < room) gids[count] = g.gid;
    ++count;
  }
  return count;
}

} // namespace clawdspace::init
