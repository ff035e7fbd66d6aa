#include "accounts.hpp"
#include "text_io.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace clawdspace::init;
using clawdspace::test::str;

namespace {

constexpr text passwd = "root:x:0:0:root:/root:/bin/bash\n"
                        "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
                        "toor:x:0:0:also root:/root:/bin/sh\n"
                        "sandbox:x:1001:1001::/home/sandbox:/bin/bash\n"
                        "web:x:33:34::/srv/web:/bin/sh\n"
                        "1234:x:77:77::/home/number:\n"
                        "bare:x:88:89";

constexpr text groups = "root:x:0:\n"
                        "sudo:x:27:sandbox,web\n"
                        "docker:x:999:web\n"
                        "staff:x:50:websandbox,sandbo,sandbox\n"
                        "44:x:55:\n";

std::vector<std::string> names(text file) {
  std::vector<std::string> found;
  account a;
  for (passwd_file lines(file); lines.next(a);) found.push_back(str(a.name));
  return found;
}

identity resolved(text spec) {
  identity who;
  REQUIRE(resolve_user(spec, passwd, groups, who) == lookup::found);
  return who;
}

} // namespace

TEST_CASE("passwd lines are read in order, the last one also without a line end") {
  CHECK(names(passwd) ==
        std::vector<std::string>{"root", "daemon", "toor", "sandbox", "web", "1234", "bare"});
  account a;
  passwd_file lines("root:x:0:5:The Root:/root:/bin/bash:more\n");
  REQUIRE(lines.next(a));
  CHECK(a.uid == 0);
  CHECK(a.gid == 5);
  CHECK(str(a.home) == "/root");
  CHECK(str(a.shell) == "/bin/bash");
  CHECK_FALSE(lines.next(a));
}

TEST_CASE("passwd lines that are none are passed over") {
  CHECK(names("").empty());
  CHECK(names("\n\n").empty());
  CHECK(names("# a comment\n+::::::\n+@team\n").empty());
  CHECK(names(":x:1:1::/:\n").empty());
  CHECK(names("a:x:-1:1::/:\nb:x:1:-1::/:\nc:x: 1:1::/:\nd:x:0x1:1::/:\ne:x::1::/:\nf:x:1\ng\n").empty());
  CHECK(names("huge:x:4294967296:0::/:\nwrap:x:18446744073709551616:0::/:\nlimit:x:2147483648:0::/:\n")
            .empty());
  CHECK(names("max:x:2147483647:2147483647::/:\n") == std::vector<std::string>{"max"});
  CHECK(names(text("nul\0byte:x:1:1::/:\n", 19)).size() == 1); // a name nobody can ask for
}

TEST_CASE("a user is found by name or number, with the gid, home and shell that passwd has") {
  CHECK(resolved("web").uid == 33);
  CHECK(resolved("web").gid == 34);
  CHECK(str(resolved("web").home) == "/srv/web");
  CHECK(str(resolved("33").name) == "web");
  CHECK(str(resolved("0033").name) == "web");
  CHECK(str(resolved("sandbox").shell) == "/bin/bash");
  CHECK(resolved("web").supplementary);
}

TEST_CASE("what a passwd line leaves out has the usual value") {
  CHECK(str(resolved("bare").home) == "/");
  CHECK(str(resolved("bare").shell) == "/bin/sh");
  CHECK(resolved("bare").gid == 89);
}

TEST_CASE("a name that looks like a number is a name first") {
  CHECK(resolved("1234").uid == 77);
  CHECK(resolved("web:44").gid == 55);
}

TEST_CASE("uid 0 is uid 0 however it is spelt") {
  for (const char* spec :
       {"root", "toor", "0", "00", "0000000000000000000000", "0:0", "root:staff", "00:50", "toor:999"})
    CHECK_MESSAGE(resolved(spec).uid == 0, spec);
}

TEST_CASE("a user that is neither known nor a number is none") {
  identity who;
  for (const char* spec : {"nobody-here", "", ":", ":root", "+0", "-0", " 0", "0 ", "0x0", "1e3",
                           "2147483648", "4294967296", "18446744073709551616", "root ", "Root"})
    CHECK_MESSAGE(resolve_user(spec, passwd, groups, who) == lookup::no_user, spec);
}

TEST_CASE("a group is found by name or number, and is then the only one") {
  CHECK(resolved("web:docker").gid == 999);
  CHECK(resolved("web:27").gid == 27);
  CHECK(resolved("web:4242").gid == 4242);
  CHECK_FALSE(resolved("web:docker").supplementary);
  identity who;
  for (const char* spec : {"web:", "web:nogroup", "web:-1", "web:27:27", "web:2147483648"})
    CHECK_MESSAGE(resolve_user(spec, passwd, groups, who) == lookup::no_group, spec);
}

TEST_CASE("a uid that passwd does not know has gid 0 and home /, as with docker exec") {
  const identity who = resolved("4321");
  CHECK(who.uid == 4321);
  CHECK(who.gid == 0);
  CHECK(who.name.empty());
  CHECK(str(who.home) == "/");
  CHECK_FALSE(who.home_may_be_made);
}

TEST_CASE(
    "a command runs as the user asked for, else the image's unless it is root, else sandbox, else 1001") {
  struct row {
    const char *asked, *image, *passwd;
    unsigned uid;
    bool make_home;
  };
  constexpr const char* known = "root:x:0:0::/root:\nsandbox:x:500:500::/home/sandbox:\nweb:x:33:33::/:\n";
  constexpr const char* strange = "root:x:0:0::/root:\nsandbox:x:0:0::/root:\n";
  for (const row& r : {
           row{"web", "sandbox", known, 33, false},
           row{"root", "web", known, 0, false},
           row{"", "web", known, 33, false},
           row{"", "33:0", known, 33, false},
           row{"", "root", known, 500, false},
           row{"", "0", known, 500, false},
           row{"", "00:33", known, 500, false},
           row{"", "", known, 500, false},
           row{"", "", "", 1001, true},
           row{"", "0", "", 1001, true},
           row{"1001", "", "", 1001, true},
           row{"", "", strange, 1001, true},
       }) {
    identity who;
    text decisive;
    CAPTURE(r.asked);
    CAPTURE(r.image);
    CHECK(choose_identity(r.asked, r.image, r.passwd, "", who, decisive) == lookup::found);
    CHECK(who.uid == r.uid);
    CHECK(who.home_may_be_made == r.make_home);
  }
}

TEST_CASE("a user of the image that is not there is named, not replaced") {
  identity who;
  text decisive;
  CHECK(choose_identity("", "gone", passwd, groups, who, decisive) == lookup::no_user);
  CHECK(str(decisive) == "gone");
  CHECK(choose_identity("web:gone", "web", passwd, groups, who, decisive) == lookup::no_group);
  CHECK(str(decisive) == "web:gone");
}

TEST_CASE("supplementary groups are those that list the whole name") {
  uint32_t gids[2] = {};
  CHECK(supplementary_groups(groups, "sandbox", gids, 2) == 2);
  CHECK(gids[0] == 27);
  CHECK(gids[1] == 50);
  CHECK(supplementary_groups(groups, "web", nullptr, 0) == 2);
  CHECK(supplementary_groups(groups, "root", nullptr, 0) == 0);
  CHECK(supplementary_groups(groups, "", nullptr, 0) == 0);
  CHECK(supplementary_groups("a:x:1:,,\nb:x:2\nc:x:x:web\nd:x:4:web", "web", gids, 2) == 1);
  CHECK(gids[0] == 4);
}
