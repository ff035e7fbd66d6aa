/// libarchive converts names between the locale's characters and the UTF-8 of pax headers, by what
/// nl_langinfo calls the locale. A static program in a scratch image has no locale but C, in which every name
/// that is not ASCII would be called binary, a word that not every tar knows. Names in a space are UTF-8 or
/// nothing: with this in the place of the C library's, UTF-8 goes in and out as it is, and what is not UTF-8
/// as bytes.

#include <langinfo.h>

extern "C" char* nl_langinfo(nl_item item) noexcept {
  static char utf8[] = "UTF-8";
  static char nothing[] = "";
  return item == CODESET ? utf8 : nothing;
}
