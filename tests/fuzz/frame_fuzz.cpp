#include "frame.hpp"
#include "options.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

using namespace clawdspace::init;

/// A frame from the door, as init reads it: every word lies within it, and all of them make it up.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> bytes(data, data + size); // of exactly this size, for the sanitizer to see
  const text frame(bytes.data(), bytes.size());
  if (!is_frame(frame)) return 0;
  std::vector<char*> arguments;
  std::size_t length = 0;
  frame_words words(frame);
  for (text word; words.next(word);) {
    length += word.size() + 1;
    if (word.data() < bytes.data() || word.data() + word.size() >= bytes.data() + size) std::abort();
    if (length > word.size() + 1) arguments.push_back(const_cast<char*>(word.data())); // without the verb
  }
  if (length != size) std::abort();
  spawn_outline found;
  (void)outline_spawn(frame_words(frame), found);
  if (found.descriptors() > clawdspace::door::descriptor_limit) std::abort();
  arguments.push_back(nullptr);
  command_spec spec;
  text culprit;
  if (parse_command(arguments.data(), spec, culprit, way_in::door) == nullptr) (void)spec.keeps("HOME");
  return 0;
}
