#pragma once

#include "text.hpp"

namespace clawdspace::init {

/// A line of passwd(5). What a line lacks behind the gid is empty.
struct account {
  text name;
  uint32_t uid = 0;
  uint32_t gid = 0;
  text home;
  text shell;
};

/// A line of group(5); `members` is the raw comma-separated list.
struct group {
  text name;
  uint32_t gid = 0;
  text members;
};

/// The accounts in the bytes of a passwd file, in order. Lines that are none (comments, NIS, ids that are not
/// decimal or beyond 2^31-1, Docker's own limit) are passed over.
class passwd_file {
  text rest_;

 public:
  explicit passwd_file(text bytes) : rest_(bytes) {}
  bool next(account& found);
};

/// The same for group.
class group_file {
  text rest_;

 public:
  explicit group_file(text bytes) : rest_(bytes) {}
  bool next(group& found);
};

bool is_member(const group& g, text user);

/// Who a command runs as.
struct identity {
  uint32_t uid = 0;
  uint32_t gid = 0;
  text name;                 // empty where passwd does not know the uid
  text home;                 // never empty
  text shell;                // never empty
  bool supplementary = true; // false where the group was asked for: then it is the only one, as with Docker
  bool home_may_be_made = false; // the account that every image has, whether it knows of it or not
};

enum class lookup : unsigned char { found, no_user, no_group };

/// What `docker exec --user` accepts: name, uid, name:group, uid:gid and so on, a name before a number. A uid
/// that passwd does not know has gid 0 and home /, but for uid 1001: that is `sandbox` with a gid and a home
/// of its own.
lookup resolve_user(text spec, text passwd, text groups, identity& who);

/// The user asked for, else the image's unless it is uid 0, else `sandbox` where passwd has it, else uid
/// 1001. An empty text is one that was not given. `decisive` becomes the spec that was looked up.
lookup choose_identity(text asked, text image_user, text passwd, text groups, identity& who, text& decisive);

/// Writes at most `room` gids of the groups that list `user` as a member; returns how many there are.
size_t supplementary_groups(text groups, text user, uint32_t* gids, size_t room);

} // namespace clawdspace::init
