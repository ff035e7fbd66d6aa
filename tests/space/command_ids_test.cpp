#include <clawdspace/space/command_ids.hpp>

#include <doctest/doctest.h>

#include <set>
#include <support/folder.hpp>
#include <sys/stat.h>

using namespace clawdspace;
using namespace clawdspace::spaces;

TEST_CASE("an id is known as ours by its space, and nothing else is") {
  const command_ids ids(siphash_key{std::byte{1}});
  const auto id = ids.make("space1");
  CHECK(id.size() == 24);
  CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(ids.is_ours("space1", id));
  CHECK_FALSE(ids.is_ours("space2", id));
  CHECK_FALSE(command_ids(siphash_key{std::byte{2}}).is_ours("space1", id));
  for (std::size_t i = 0; i < id.size(); ++i) {
    auto other = id;
    other[i] = other[i] == '0' ? '1' : '0';
    CHECK_FALSE(ids.is_ours("space1", other));
    other[i] = 'G';
    CHECK_FALSE(ids.is_ours("space1", other));
    CHECK_FALSE(ids.is_ours("space1", id.substr(0, i)));
  }
  CHECK_FALSE(ids.is_ours("space1", id + "0"));
}

TEST_CASE("ids do not repeat") {
  const command_ids ids(siphash_key{});
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) CHECK(seen.insert(ids.make("s")).second);
}

TEST_CASE("the secret of ids is made once, for us alone, and holds across restarts") {
  const test::folder here;
  const auto file = here.path() / "exec.secret";
  const auto id = command_ids::load(file).make("s");
  struct stat about{};
  REQUIRE(::stat(file.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  CHECK(about.st_size == 16);
  CHECK(command_ids::load(file).is_ours("s", id));
  here.write("exec.secret", "short"); // cut by a full disk: another is made
  const auto next = command_ids::load(file);
  CHECK_FALSE(next.is_ours("s", id));
  CHECK(command_ids::load(file).is_ours("s", next.make("s")));
}
