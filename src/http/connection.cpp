#include "connection.hpp"

#include <clawdspace/core/log.hpp>

namespace clawdspace::http {

namespace {

using namespace std::chrono_literals;

// A client that has not read its answer loses it to a reset when it still sends to a closed connection, so
// what it sends is read for a while (RFC 9112 section 9.6).
constexpr std::chrono::milliseconds closing_silence = 2s;
constexpr std::chrono::milliseconds closing_in_all = 10s;
constexpr std::chrono::milliseconds closing_while_stopping = 1s;
constexpr std::chrono::milliseconds turned_away = 1s;

/// Longest wait for the rest of a body that no handler read.
constexpr std::chrono::milliseconds drop_patience = 5s;

/// A scratch string this large is kept while the connection is idle.
constexpr std::size_t kept_scratch = 512;

} // namespace

std::string refusal(service& shared, const std::string& why) {
  const auto r = shared.problem(std::make_exception_ptr(error(errc::overloaded, why)), nullptr);
  std::string whole;
  write_head(whole, 503, r.headers,
             {.body = framing::length,
              .length = r.body.size(),
              .keep_alive = false,
              .date = shared.date(),
              .id = shared.new_id()});
  return whole + r.body;
}

connection::connection(asio::ip::tcp::socket socket, const asio::ip::tcp::endpoint& peer, service& shared)
    : service_(shared), peer_(peer.address().to_string()), wire_(std::move(socket)), inlet_(wire_, shared) {
  wire_.set_options();
}

task<> connection::serve() {
  std::exception_ptr failure;
  try {
    co_await serve_requests();
    if (unread_ || inlet_.has_more()) co_await close(closing_silence, closing_in_all);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure && !is_cancellation(failure) && !is_departure(failure))
    log_error("a connection failed",
              {clawdspace::field("peer", peer_), clawdspace::field("failure", describe(failure))});
}

task<> connection::serve_requests() {
  while (co_await serve_one())
    if (scratch_.capacity() > kept_scratch) std::string().swap(scratch_);
}

task<bool> connection::serve_one() {
  std::exception_ptr refused;
  int status = 0;
  try {
    if (!co_await inlet_.next_head()) co_return false;
  } catch (const error& e) {
    if (e.code() != errc::malformed_request) throw;
    refused = std::current_exception();
    status = inlet_.status();
  } catch (const std::system_error& e) {
    if (!is_timeout(e)) throw;
    refused =
        std::make_exception_ptr(error(errc::malformed_request, "the request's head did not end in time"));
    status = 408;
  }
  co_return co_await answer(std::move(refused), status);
}

task<bool> connection::answer(std::exception_ptr refused, int status) {
  const auto begun = std::chrono::steady_clock::now();
  if (refused)
    unread_ = true;
  else
    inlet_.let_go();
  served_exchange x({service_, wire_, inlet_, scratch_, peer_, became_});
  busy_ = true;
  co_await x.serve(std::move(refused), status);
  busy_ = false;

  const auto took = std::chrono::steady_clock::now() - begun;
  try {
    service_.hooks.done(x, x.status(), std::chrono::duration_cast<std::chrono::microseconds>(took));
  } catch (...) {
    log_error("a request could not be noted",
              {clawdspace::field("requestId", x.id()),
               clawdspace::field("failure", describe(std::current_exception()))});
  }
  if (!inlet_.body_over() || x.unread()) unread_ = true;
  if (x.started() && !x.whole() && x.looks_whole_when_cut()) wire_.reset_on_close();
  if (!x.keeps_connection()) co_return false;
  if (inlet_.body_over()) co_return true;
  const bool dropped =
      co_await inlet_.drop(unwanted_body, std::min(drop_patience, service_.limits.body_time));
  unread_ = !dropped;
  co_return dropped;
}

task<> connection::close(std::chrono::milliseconds silence, std::chrono::milliseconds in_all) {
  if (service_.stopping) in_all = std::min(in_all, closing_while_stopping);
  wire_.end_sending();
  co_await inlet_.wait_for_close(silence, in_all);
}

task<> connection::turn_away(std::string refusal) {
  wire_.send_now(refusal);
  co_await close(turned_away, turned_away);
}

void connection::go_away() {
  if (inlet_.idle()) wire_.wake();
  if (became_ != nullptr) became_->go_away();
}

void connection::look(steady_time now) {
  wire_.look(now);
  if (became_ != nullptr) became_->look(now);
}

void connection::look_for_silence(steady_time now) {
  if (busy_ && wire_.is_silent(now, service_.limits.write_time)) wire_.abandon();
}

} // namespace clawdspace::http
