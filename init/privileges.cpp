#include "privileges.hpp"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace clawdspace::init {
namespace {

// musl's own wrappers take the ids of all threads along, which takes signals and locks that we have no use
// for. Where an architecture had 16-bit ids first, the calls that are meant end in 32.
#ifdef SYS_setresuid32
constexpr long sys_setresuid = SYS_setresuid32;
constexpr long sys_setresgid = SYS_setresgid32;
constexpr long sys_setgroups = SYS_setgroups32;
#else
constexpr long sys_setresuid = SYS_setresuid;
constexpr long sys_setresgid = SYS_setresgid;
constexpr long sys_setgroups = SYS_setgroups;
#endif

// <linux/capability.h>, which musl does not bring.
struct capability_header {
  uint32_t version;
  int pid;
};
struct capability_data {
  uint32_t effective;
  uint32_t permitted;
  uint32_t inheritable;
};
constexpr uint32_t capability_version_3 = 0x20080522;

} // namespace

bool renounce_privileges() {
  // The kernel may know capabilities that this program does not: EINVAL is the end of the list.
  for (unsigned long capability = 0;; ++capability) {
    const int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (held < 0 && errno == EINVAL) break;
    if (held < 0 || (held == 1 && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)) return false;
  }
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

bool become(uint32_t uid, uint32_t gid, const uint32_t* groups, size_t group_count) {
  return syscall(sys_setgroups, group_count, groups) == 0 && syscall(sys_setresgid, gid, gid, gid) == 0 &&
         syscall(sys_setresuid, uid, uid, uid) == 0;
}

bool clear_inheritable() {
  capability_header header{capability_version_3, 0};
  capability_data sets[2] = {};
  if (syscall(SYS_capget, &header, sets) != 0) return false;
  sets[0].inheritable = sets[1].inheritable = 0;
  return syscall(SYS_capset, &header, sets) == 0;
}

} // namespace clawdspace::init
