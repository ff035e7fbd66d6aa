#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

namespace clawdspace::test {

/// A folder of its own for one test, removed with it.
class folder {
 public:
  folder() : path_(make()) {}
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() {
    std::error_code ignored; // what is left behind is the system's to clear
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// Writes a file, and returns where it is.
  std::filesystem::path write(const std::filesystem::path& name, std::string_view content) const {
    const auto at = path_ / name;
    std::filesystem::create_directories(at.parent_path());
    std::ofstream out(at, std::ios::binary);
    out << content;
    if (!out.flush()) throw std::runtime_error("cannot write " + at.string());
    return at;
  }

 private:
  static std::filesystem::path make() {
    auto name = (std::filesystem::temp_directory_path() / "clawdspace-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder for a test");
    return name;
  }

  std::filesystem::path path_;
};

inline std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace clawdspace::test
