// Connection's half that writes bodies without an end: pull a batch, one writev, wait for more or for the client to go.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/metrics.hpp"
#include "base/result.hpp"
#include "net/server/connection.hpp"
#include "net/server/response_head.hpp"

namespace quarterdeck::net {
namespace {

constexpr std::size_t kBatchBytes = 64 * 1024;
// A stream that always has more lets others run after so many batches.
constexpr int kBatchesPerTurn = 4;
// Smaller pieces are copied together: for them a memcpy costs less than one more entry of the vector.
constexpr std::size_t kCopyBytesMax = 8 * 1024;
constexpr std::size_t kInputBytesMax = 64 * 1024;
constexpr int kFarewellBytes = 4 * 1024 * 1024;
// So long the kernel keeps the last words for a client that may still read them.
constexpr unsigned kFarewellMs = 120'000;

struct Gathered {
  std::string_view bytes;  // of a piece, or
  std::size_t from = 0, to = 0;  // a range of the buffer
};

// Frames `batch` as one chunk, small pieces copied to `buffer`. The parts point into both.
void gather(const Stream::Batch& batch, Framing framing, std::string& buffer, std::vector<iovec>& parts) {
  static thread_local std::vector<Gathered> gathered;
  gathered.clear();
  buffer.clear();
  parts.clear();
  std::size_t run_start = 0;
  const auto end_run = [&] {
    if (buffer.size() > run_start) gathered.push_back({.from = run_start, .to = buffer.size()});
    run_start = buffer.size();
  };
  std::size_t total = 0;
  for (const Bytes& piece : batch.pieces) total += piece->size();
  if (total > 0 && framing == Framing::chunked) fmt::format_to(std::back_inserter(buffer), "{:x}\r\n", total);
  for (const Bytes& piece : batch.pieces) {
    if (piece->size() <= kCopyBytesMax) {
      buffer += *piece;
    } else {
      end_run();
      gathered.push_back({.bytes = *piece});
    }
  }
  if (framing == Framing::chunked) {
    if (total > 0) buffer += "\r\n";
    if (batch.end) buffer += "0\r\n\r\n";
  }
  end_run();
  for (const Gathered& each : gathered) {
    const std::string_view bytes =
        each.bytes.empty() ? std::string_view(buffer).substr(each.from, each.to - each.from) : each.bytes;
    parts.push_back({const_cast<char*>(bytes.data()), bytes.size()});
  }
}

// Copies what `parts` hold of the shared `buffer`, and points them at the copy.
std::string own_copy(std::string_view buffer, std::vector<iovec>& parts) {
  const auto is_shared = [&](const iovec& part) {
    const auto* at = static_cast<const char*>(part.iov_base);
    return at >= buffer.data() && at < buffer.data() + buffer.size();
  };
  std::size_t bytes = 0;
  for (const iovec& part : parts) bytes += is_shared(part) ? part.iov_len : 0;
  std::string copy;
  copy.reserve(bytes);
  for (iovec& part : parts) {
    if (!is_shared(part)) continue;
    char* at = copy.data() + copy.size();
    copy.append(static_cast<const char*>(part.iov_base), part.iov_len);
    part.iov_base = at;
  }
  return copy;
}

}  // namespace

void Connection::part_from(Stream& stream, std::span<iovec> left, Framing framing) {
  metrics::limit_hit("stream_stall");
  // Room for what is left and the last words: at most what the system allows a socket.
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_SNDBUF, &kFarewellBytes, sizeof kFarewellBytes);
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &kFarewellMs, sizeof kFarewellMs);
  if (send_now(left) != Sent::all) return;
  Stream::Batch farewell = stream.last_words();
  if (farewell.pieces.empty()) return;
  farewell.end = true;
  std::string buffer;
  std::vector<iovec> parts;
  gather(farewell, framing, buffer, parts);
  std::span<iovec> words = parts;
  send_now(words);
  ::shutdown(socket_.native_handle(), SHUT_WR);
}

bool Connection::stream_peer_gone() {
  const std::ptrdiff_t received = receive();
  if (received < 0) return true;
  parser_.feed({core_->read_buffer.data(), static_cast<std::size_t>(received)});
  return false;
}

Task<bool> Connection::write_stream(Response response, Exchange exchange) {
  const auto stream = std::move(std::get<std::unique_ptr<Stream>>(response.body));
  ASSERT(stream, "a handler that answers with a stream must give one");
  const Framing framing = exchange.http_1_0 ? Framing::until_close : Framing::chunked;
  {
    const std::string head = format_head({.status = response.status,
                                          .headers = &response.headers,
                                          .framing = framing,
                                          .keep_alive = exchange.keep_alive,
                                          .http_1_0 = exchange.http_1_0});
    iovec part{const_cast<char*>(head.data()), head.size()};
    if (!co_await send({&part, 1})) co_return false;
  }
  if (exchange.head_only) co_return true;

  // The kernel would let a buffer grow to megabytes for a client that reads nothing.
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_SNDBUF, &core_->options.limits.stream_send_bytes,
               sizeof core_->options.limits.stream_send_bytes);
  static thread_local std::vector<iovec> parts;
  bool stopping = false;
  for (int batches = 0;; ++batches) {
    Stream::Batch batch = stream->take(kBatchBytes);
    if (stopping && batch.pieces.empty()) batch.end = true;
    if (batch.abort) batch.end = false;
    if (batch.pieces.empty() && !batch.end && !batch.abort) {
      stream->when_ready([connection = weak_from_this(), core = std::weak_ptr(core_)] {
        if (const auto shared = core.lock()) shared->wake_soon(connection);
      });
      // A pending read tells at once when the client goes; one that sends very much is not read on.
      const bool listen = parser_.buffered_bytes() < kInputBytesMax && parser_.state() == RequestParser::State::head;
      if (listen) watch_readable();
      const unsigned raised = co_await until(kWoken | kReadable | kStop);
      if (raised & kClosed) co_return false;
      if ((raised & kReadable) && stream_peer_gone()) co_return false;
      stopping = stopping || (raised & kStop);
      batches = 0;
      continue;
    }

    gather(batch, framing, core_->write_buffer, parts);
    std::span<iovec> left = parts;
    const Sent sent = send_now(left);
    if (sent == Sent::gone) co_return false;
    if (sent == Sent::blocked) {
      // The buffer is everybody's: keep what is left of it here while waiting. Long pieces are shared, and stay so.
      std::vector<iovec> kept_parts(left.begin(), left.end());
      const std::string kept = own_copy(core_->write_buffer, kept_parts);
      std::span<iovec> rest = kept_parts;
      const Sent later = co_await send_within(rest, core_->options.limits.stream_stall_ms);
      if (later == Sent::blocked) part_from(*stream, rest, framing);
      if (later != Sent::all) co_return false;
      batches = 0;
    }
    if (batch.abort) {
      reset();
      co_return false;
    }
    if (batch.end) co_return true;
    if (batches >= kBatchesPerTurn) {
      co_await yield();
      batches = 0;
    }
  }
}

}  // namespace quarterdeck::net
