#include "head_rules.hpp"
#include <clawdspace/http/parser.hpp>

#include <llhttp.h>

#include <algorithm>
#include <optional>

namespace clawdspace::http {

namespace {

bool is_token_char(char c) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         marks.find(c) != marks.npos;
}

} // namespace

struct parser::state {
  enum class phase { between, head, body, upgraded, failed };

  state(role what, parser_limits bounds) : what_(what), limits_(bounds) {}

  result<parse_step> feed(std::span<const std::byte> input);
  result<parse_step> finish();
  void begin();
  void start_machine();

  // What llhttp calls. A piece may be any part of a name, a value or the body.
  static const llhttp_settings_t& callbacks();
  static state& of(llhttp_t* machine) { return *static_cast<state*>(machine->data); }
  int on_field_piece(bool of_value, const char* at, std::size_t size);
  int on_head_complete();
  int on_request_complete();
  int on_response_complete();
  int on_message_complete();

  [[nodiscard]] fields& headers() { return what_ == role::server ? request_.headers : response_.headers; }
  [[nodiscard]] bool in_trailers() const { return (machine_.flags & F_TRAILING) != 0; }
  bool end_field();
  bool read_first_line();
  bool check_lines(std::span<const std::byte> framing);
  bool check_sizes(std::size_t framing, bool more_to_come);

  /// Notes the refusal; false, so that a check can return it.
  bool refuse(int with, std::string why);
  bool refuse_as_llhttp_does(std::span<const std::byte> input);
  tl::unexpected<error> refused() {
    phase_ = phase::failed;
    return failure(errc::malformed_request, why_);
  }
  static parse_step step(parse_step::kind what, std::size_t taken, std::span<const std::byte> data = {}) {
    return {what, taken, data};
  }

  role what_;
  parser_limits limits_;
  llhttp_t machine_{};
  phase phase_ = phase::between;
  int status_ = 400;
  std::string why_;

  request_head request_;
  response_head response_;
  fields trailers_;
  std::string first_line_; ///< of the message, up to its LF
  std::string name_;
  std::string value_;
  std::size_t field_count_ = 0;
  bool have_first_line_ = false;
  bool in_value_ = false;

  std::size_t head_size_ = 0;  ///< bytes of the head so far, interim responses included
  std::size_t overhead_ = 0;   ///< framing bytes of a chunked body since its last data
  std::size_t extensions_ = 0; ///< bytes of chunk extensions in the whole message
  char last_ = 0;              ///< the framing byte before the next one; 0 after data

  bool head_ready_ = false;
  bool complete_ = false; ///< the message is over, which the next feed tells
  std::span<const std::byte> data_;

  bool answers_head_ = false; ///< client: the response has no body, whatever its head says
  bool stream_expected_ = false;
  bool only_upgrades_ = false; ///< a 200 without a length is no stream
  bool tells_interim_ = false;
  bool becomes_stream_ = false;
  bool interim_ = false;
  bool begin_anew_ = false; ///< behind an interim response that was told
};

const llhttp_settings_t& parser::state::callbacks() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_header_field = [](llhttp_t* m, const char* at, std::size_t n) {
      return of(m).on_field_piece(false, at, n);
    };
    s.on_header_value = [](llhttp_t* m, const char* at, std::size_t n) {
      return of(m).on_field_piece(true, at, n);
    };
    s.on_header_value_complete = [](llhttp_t* m) { return of(m).end_field() ? 0 : -1; };
    s.on_headers_complete = [](llhttp_t* m) { return of(m).on_head_complete(); };
    s.on_chunk_extension_name = [](llhttp_t* m, const char*, std::size_t n) {
      of(m).extensions_ += n;
      return 0;
    };
    s.on_chunk_extension_value = s.on_chunk_extension_name;
    s.on_body = [](llhttp_t* m, const char* at, std::size_t n) {
      if (n == 0) return 0;
      of(m).data_ = std::as_bytes(std::span(at, n));
      return static_cast<int>(HPE_PAUSED);
    };
    s.on_message_complete = [](llhttp_t* m) { return of(m).on_message_complete(); };
    return s;
  }();
  return settings;
}

void parser::state::start_machine() {
  llhttp_init(&machine_, what_ == role::server ? HTTP_REQUEST : HTTP_RESPONSE, &callbacks());
  machine_.data = this;
  first_line_.clear();
  have_first_line_ = false;
  field_count_ = 0;
  name_.clear();
  value_.clear();
  in_value_ = false;
  last_ = 0;
  head_ready_ = complete_ = interim_ = becomes_stream_ = begin_anew_ = false;
  trailers_ = {};
  if (what_ == role::server)
    request_ = {};
  else
    response_ = {};
}

void parser::state::begin() {
  start_machine();
  head_size_ = overhead_ = extensions_ = 0;
  phase_ = phase::head;
}

bool parser::state::refuse(int with, std::string why) {
  status_ = with;
  why_ = std::move(why);
  return false;
}

int parser::state::on_field_piece(bool of_value, const char* at, std::size_t size) {
  if (!of_value && in_value_) return -1; // a value always ends before the next name
  in_value_ = of_value;
  (of_value ? value_ : name_).append(at, size);
  return 0;
}

bool parser::state::end_field() {
  in_value_ = false;
  if (++field_count_ > limits_.header_count)
    return refuse(431, "more than " + std::to_string(limits_.header_count) + " header lines");
  while (!value_.empty() && (value_.back() == ' ' || value_.back() == '\t')) value_.pop_back();
  (in_trailers() ? trailers_ : headers()).add(std::move(name_), std::move(value_));
  name_.clear();
  value_.clear();
  return true;
}

/// The request line or the status line, held to RFC 9112 sections 3 and 4 by the letter: llhttp takes several
/// spaces, and the versions of other protocols.
bool parser::state::read_first_line() {
  std::string_view line = first_line_;
  if (!line.ends_with('\r')) return refuse(400, "the first line does not end in CR LF");
  line.remove_suffix(1);
  if (what_ == role::client) {
    if (!line.starts_with("HTTP/1.0 ") && !line.starts_with("HTTP/1.1 "))
      return refuse(505, "the response is neither HTTP/1.0 nor HTTP/1.1");
    if (line.size() > 13) response_.reason = line.substr(13);
    return true;
  }
  const auto first = line.find(' ');
  const auto second = first == line.npos ? first : line.find(' ', first + 1);
  if (second == line.npos) return refuse(400, "the request line has no version");
  const auto version = line.substr(second + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    const bool other = version.size() == 8 && version.starts_with("HTTP/");
    return refuse(other ? 505 : 400,
                  other ? "only HTTP/1.0 and HTTP/1.1 are served" : "malformed version in the request line");
  }
  request_.method = line.substr(0, first);
  request_.target = line.substr(first + 1, second - first - 1);
  request_.version_minor = version.back() - '0';
  return true;
}

/// Every line of a head, a chunk's frame or trailers ends in CR LF, and none continues the one before
/// (obs-fold): llhttp takes a bare LF at some ends, and folds. Also collects the first line.
bool parser::state::check_lines(std::span<const std::byte> framing) {
  std::string_view text(reinterpret_cast<const char*>(framing.data()), framing.size());
  while (!text.empty()) {
    if (last_ == '\n' && (text.front() == ' ' || text.front() == '\t'))
      return refuse(400, "a header line that continues the one before");
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    if (!have_first_line_) first_line_ += line;
    if (!line.empty()) last_ = line.back();
    if (end == text.npos) return true;
    if (last_ != '\r') return refuse(400, "a line that ends in LF without CR");
    last_ = '\n';
    text.remove_prefix(end + 1);
    if (have_first_line_) continue;
    if (first_line_ == "\r") { // empty lines before a message are skipped (RFC 9112 section 2.2)
      first_line_.clear();
      last_ = 0;
      continue;
    }
    have_first_line_ = true;
    if (!read_first_line()) return false;
  }
  return true;
}

bool parser::state::check_sizes(std::size_t framing, bool more_to_come) {
  if (phase_ == phase::head) {
    head_size_ += framing;
    if (more_to_come && !head_ready_ && head_size_ >= static_cast<std::size_t>(count(limits_.head)))
      return have_first_line_ ? refuse(431, "the head is larger than " + to_words(limits_.head))
                              : refuse(414, "the request line is longer than " + to_words(limits_.head));
    return true;
  }
  overhead_ += framing;
  const auto bound = static_cast<std::size_t>(count(limits_.chunk_overhead));
  if (overhead_ > bound || extensions_ > bound)
    return in_trailers()
               ? refuse(431, "the trailers are larger than " + to_words(limits_.chunk_overhead))
               : refuse(413, "more than " + to_words(limits_.chunk_overhead) + " of chunk extensions");
  if (!data_.empty()) overhead_ = 0;
  return true;
}

int parser::state::on_head_complete() {
  // Pausing in here ends this feed with the head's last byte.
  return what_ == role::server ? on_request_complete() : on_response_complete();
}

int parser::state::on_request_complete() {
  if ((machine_.flags & F_CONTENT_LENGTH) != 0) request_.content_length = machine_.content_length;
  machine_.upgrade = 0; // whether a protocol is switched is the response's to say
  head_ready_ = true;
  return HPE_PAUSED;
}

int parser::state::on_response_complete() {
  response_.status = machine_.status_code;
  if ((machine_.flags & F_CONTENT_LENGTH) != 0) response_.content_length = machine_.content_length;
  const bool informational = response_.status / 100 == 1;
  if (informational && response_.status != 101) {
    interim_ = true;
    return 1;
  }
  head_ready_ = true;
  if (stream_expected_ && !answers_head_ &&
      (response_.status == 101 ||
       (response_.status == 200 && !only_upgrades_ &&
        (machine_.flags & (F_CHUNKED | F_CONTENT_LENGTH | F_TRANSFER_ENCODING)) == 0))) {
    becomes_stream_ = true;
    return 2;
  }
  machine_.upgrade = 0;
  if (answers_head_ || response_.status == 204 || response_.status == 304) return 1;
  return HPE_PAUSED;
}

int parser::state::on_message_complete() {
  if (becomes_stream_) return 0; // llhttp stops by itself, at the stream's first byte
  complete_ = true;
  return HPE_PAUSED;
}

bool parser::state::refuse_as_llhttp_does(std::span<const std::byte> input) {
  const auto code = llhttp_get_errno(&machine_);
  if (code == HPE_USER || code == HPE_CB_HEADERS_COMPLETE || code == HPE_CB_HEADER_VALUE_COMPLETE)
    return false; // refused by one of the checks here, which noted why
  int with = 400;
  if (code == HPE_PAUSED_H2_UPGRADE) {
    with = 505;
  } else if (code == HPE_INVALID_VERSION) {
    // A version that is one, but not ours; the code also stands for what is no version at all.
    const int version = machine_.http_major * 10 + machine_.http_minor;
    with = version == 0 || version == 10 || version == 11 ? 400 : 505;
  } else if (code == HPE_INVALID_TRANSFER_ENCODING) {
    with = machine_.http_minor == 0 ? 400 : 501;
  } else if (code == HPE_INVALID_METHOD) {
    // A method that nobody knows, rather than bytes that are no request at all.
    const auto* at = reinterpret_cast<const std::byte*>(llhttp_get_error_pos(&machine_));
    const auto* end = input.data() + input.size();
    if (at >= input.data() && at < end) {
      const char found = static_cast<char>(*at);
      with = is_token_char(found) || found == ' ' ? 501 : 400;
    }
  }
  const char* reason = llhttp_get_error_reason(&machine_);
  return refuse(with, std::string("malformed HTTP message: ") + (reason ? reason : llhttp_errno_name(code)));
}

result<parse_step> parser::state::feed(std::span<const std::byte> input) {
  if (phase_ == phase::failed) return refused();
  if (phase_ == phase::upgraded) return step(parse_step::kind::upgraded, 0);
  std::size_t taken = 0;
  for (;;) {
    if (begin_anew_) start_machine();
    if (complete_) {
      complete_ = false;
      if (!interim_) {
        phase_ = phase::between;
        return step(parse_step::kind::end, taken);
      }
      if (tells_interim_) {
        begin_anew_ = true;
        return step(parse_step::kind::interim, taken);
      }
      start_machine(); // the response proper follows; the head's size goes on counting
    }
    const auto rest = input.subspan(taken);
    if (phase_ == phase::between) {
      if (rest.empty()) return step(parse_step::kind::need_more, taken);
      begin();
    }
    auto slice = rest;
    if (phase_ == phase::head) {
      const auto room = static_cast<std::size_t>(count(limits_.head)) - head_size_;
      slice = rest.first(std::min(rest.size(), room));
    }
    data_ = {};
    // Never null: llhttp takes a null position for a span that has not begun, and would lose the body.
    const auto* from = slice.empty() ? "" : reinterpret_cast<const char*>(slice.data());
    const auto code = llhttp_execute(&machine_, from, slice.size());
    const auto* stop = llhttp_get_error_pos(&machine_);
    const auto used = code == HPE_OK || !stop ? slice.size() : static_cast<std::size_t>(stop - from);
    const auto framing = slice.first(used - data_.size());
    // These first: whatever llhttp says about a byte, an earlier one that is wrong decides.
    if (!check_lines(framing)) return refused();
    if (code == HPE_PAUSED)
      llhttp_resume(&machine_);
    else if (code == HPE_PAUSED_UPGRADE)
      llhttp_resume_after_upgrade(&machine_);
    else if (code != HPE_OK) {
      refuse_as_llhttp_does(slice);
      return refused();
    }
    if (!check_sizes(framing.size(), taken + used < input.size())) return refused();
    taken += used;

    if (!data_.empty()) {
      last_ = 0;
      return step(parse_step::kind::body, taken, data_);
    }
    if (head_ready_) {
      head_ready_ = false;
      bool chunked = false;
      auto bad = what_ == role::server ? check_request_head(request_)
                                       : check_response_head(response_, machine_.http_minor, chunked);
      if (!bad && response_.status == 101 && !becomes_stream_)
        bad = refusal{400, "a protocol switch that was not asked for"};
      if (bad) {
        refuse(bad->status, std::move(bad->why));
        return refused();
      }
      if (what_ == role::client && !complete_ &&
          (becomes_stream_ || llhttp_message_needs_eof(&machine_) != 0))
        response_.keep_alive = false;
      phase_ = becomes_stream_ ? phase::upgraded : phase::body;
      last_ = 0;
      return step(parse_step::kind::head, taken);
    }
    if (complete_) continue;
    if (taken == input.size()) return step(parse_step::kind::need_more, taken);
  }
}

result<parse_step> parser::state::finish() {
  if (phase_ == phase::failed) return refused();
  if (phase_ == phase::upgraded) return step(parse_step::kind::upgraded, 0);
  if (phase_ == phase::between && !complete_) return step(parse_step::kind::need_more, 0);
  if (!complete_ && phase_ == phase::body) llhttp_finish(&machine_); // completes what lasts till the close
  if (complete_ && !interim_) {
    complete_ = false;
    phase_ = phase::between;
    return step(parse_step::kind::end, 0);
  }
  refuse(400, "the connection was closed inside a message");
  return refused();
}

parser::parser(role what, parser_limits limits) : state_(std::make_unique<state>(what, limits)) {}
parser::~parser() = default;
parser::parser(parser&&) noexcept = default;
parser& parser::operator=(parser&&) noexcept = default;

result<parse_step> parser::feed(std::span<const std::byte> input) { return state_->feed(input); }
void parser::pass_over(std::uint64_t size) {
  auto& machine = state_->machine_;
  if ((machine.flags & F_CONTENT_LENGTH) == 0 || size >= machine.content_length)
    throw error(errc::internal, "more of a body was passed over than there is");
  machine.content_length -= size;
}

result<parse_step> parser::finish() { return state_->finish(); }

void parser::expect_response_to(std::string_view method, bool stream) {
  state_->answers_head_ = method == "HEAD";
  state_->stream_expected_ = stream;
  state_->only_upgrades_ = state_->tells_interim_ = false;
}

void parser::expect_any_response_to(std::string_view method, bool upgrade) {
  expect_response_to(method, upgrade);
  state_->only_upgrades_ = state_->tells_interim_ = true;
}

request_head& parser::request() { return state_->request_; }
response_head& parser::response() { return state_->response_; }
fields& parser::trailers() { return state_->trailers_; }
int parser::status() const noexcept { return state_->status_; }
bool parser::in_message() const noexcept { return state_->phase_ != state::phase::between; }

} // namespace clawdspace::http
