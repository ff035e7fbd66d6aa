#include "environment.hpp"

namespace clawdspace::init {
namespace {

constexpr text default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr text default_term = "xterm-256color";
constexpr text engine_term = "xterm";
constexpr text default_locale = "C.UTF-8";

bool names(text entry, text name) {
  return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
}

class builder {
  arena& memory_;
  char** entries_;
  size_t count_ = 0;

 public:
  builder(arena& memory, size_t room) : memory_(memory), entries_(memory.array<char*>(room + 1)) {}

  void add(char* entry) { entries_[count_++] = entry; }

  void set(text name, text value) {
    char* entry = memory_.array<char>(name.size() + 1 + value.size() + 1);
    __builtin_memcpy(entry, name.data(), name.size());
    entry[name.size()] = '=';
    __builtin_memcpy(entry + name.size() + 1, value.data(), value.size());
    remove(name);
    add(entry);
  }

  void remove(text name) {
    size_t kept = 0;
    for (size_t i = 0; i < count_; ++i)
      if (!names(entries_[i], name)) entries_[kept++] = entries_[i];
    count_ = kept;
  }

  /// As `find`, for all names that begin with this.
  bool has_any(text prefix) const {
    for (size_t i = 0; i < count_; ++i)
      if (text(entries_[i]).starts_with(prefix)) return true;
    return false;
  }

  const char* find(text name) const {
    for (size_t i = 0; i < count_; ++i)
      if (names(entries_[i], name)) return entries_[i] + name.size() + 1;
    return nullptr;
  }

  char** finish() {
    entries_[count_] = nullptr;
    return entries_;
  }
};

} // namespace

const char* find_variable(char* const* environment, text name) {
  const char* found = nullptr;
  for (; *environment; ++environment)
    if (names(*environment, name)) found = *environment + name.size() + 1;
  return found;
}

char** command_environment(arena& memory, char* const* inherited, const command_spec& spec,
                           const identity& who, text root_home) {
  constexpr size_t ours = 8; // HOME USER LOGNAME SHELL PATH TERM LANG and the mark
  size_t count = 0;
  while (inherited[count]) ++count;
  builder out(memory, count + spec.option_count + ours);
  for (size_t i = 0; i < count; ++i) out.add(inherited[i]);
  const text set = door::option_set;
  for (size_t i = 0; i < spec.option_count; ++i) {
    const text option = spec.options[i];
    if (!option.starts_with(set)) continue;
    const text entry = option.after(set.size());
    out.remove(entry.first(entry.find('=')));
    out.add(spec.options[i] + set.size());
  }
  out.remove(door::token_variable);
  out.set(door::mark_variable, spec.id);

  const char* home = out.find("HOME");
  const bool engine_home =
      !home || text(home) == "" || text(home) == "/" || text(home) == "/root" || text(home) == root_home;
  if (!spec.keeps("HOME") && engine_home) out.set("HOME", who.home);
  if (!who.name.empty()) {
    if (!spec.keeps("USER")) out.set("USER", who.name);
    if (!spec.keeps("LOGNAME")) out.set("LOGNAME", who.name);
  }
  if (!spec.keeps("SHELL")) out.set("SHELL", who.shell);
  if (!out.find("PATH")) out.set("PATH", default_path);
  if (spec.tty && !spec.keeps("TERM")) {
    const char* term = out.find("TERM");
    if (!term || text(term) == "" || text(term) == engine_term) out.set("TERM", default_term);
  }
  // Else what draws on a terminal takes all that is not ASCII for noise.
  if (spec.tty && !out.find("LANG") && !out.has_any("LC_")) out.set("LANG", default_locale);
  return out.finish();
}

} // namespace clawdspace::init
