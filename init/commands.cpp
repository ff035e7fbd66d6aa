#include "commands.hpp"

#include "descriptors.hpp"

#include <stdlib.h>
#include <string.h>

namespace clawdspace::init {
namespace {

// Pages of zeros, and no memory, until a place is taken: `add` makes a command of it.
alignas(command) char room[sizeof(command) * door::command_limit];
command* const places = reinterpret_cast<command*>(room);

} // namespace

command* command_table::begin() { return places; }
command* command_table::end() { return places + used_; }
command* command_table::at(uint32_t place) { return place < used_ ? places + place : nullptr; }
uint32_t command_table::place_of(const command& c) const { return static_cast<uint32_t>(&c - places); }

command* command_table::add(text id) {
  command* place = nullptr;
  for (command& c : *this)
    if (c.now == phase::unused) {
      place = &c;
      break;
    }
  if (!place && used_ < door::command_limit) place = places + used_++;
  if (!place) return nullptr;
  *place = command{};
  place->now = phase::starting;
  place->name_size = static_cast<unsigned char>(id.size());
  memcpy(place->name, id.data(), id.size());
  return place;
}

command* command_table::find(text id) {
  command* settled = nullptr;
  for (command& c : *this) {
    if (c.now == phase::unused || !(c.id() == id)) continue;
    if (!c.settled()) return &c;
    settled = &c;
  }
  return settled;
}

command* command_table::of_subreaper(pid_t pid) {
  for (command& c : *this)
    if (c.now != phase::unused && c.subreaper == pid) return &c;
  return nullptr;
}

void command_table::remove(command& c) {
  for (int& fd : c.fds) close_descriptor(fd);
  free(c.problem);
  c.problem = nullptr;
  c.now = phase::unused;
  while (used_ > 0 && places[used_ - 1].now == phase::unused) --used_;
}

void command_table::note_ending(command& c, bool somebody_there) {
  c.ended_as = ++endings_;
  for (;;) {
    command* oldest = nullptr;
    unsigned count = 0;
    for (command& each : *this) {
      if (each.now != phase::ended && each.now != phase::failed) continue;
      ++count;
      if (each.alive() || (somebody_there && each.untold != 0)) continue;
      if (!oldest || static_cast<int32_t>(each.ended_as - oldest->ended_as) < 0) oldest = &each;
    }
    if (count <= door::ending_limit || !oldest) return;
    remove(*oldest);
  }
}

} // namespace clawdspace::init
