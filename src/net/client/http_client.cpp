#include "net/http_client.hpp"

#include <unordered_map>

#include "net/client/curl_multi.hpp"
#include "net/client/transfer.hpp"

namespace quarterdeck::net {
namespace {

class CurlClient final : public HttpClient {
 public:
  explicit CurlClient(EventLoop& loop) : loop_(loop) {}
  ~CurlClient() override {
    for (const auto& [easy, transfer] : std::exchange(transfers_, {})) {
      curl().multi_remove_handle(multi_->handle(), easy);
      transfer->finish(fail(ErrorCode::cancelled, "the HTTP client was closed"));
    }
  }

  Task<Result<void>> fetch(ClientRequest request, ResponseSink& sink, std::stop_token stop) override;

 private:
  // Ends the transfer when the waiting task is destroyed before the answer came.
  struct Running {
    CurlClient& client;
    std::shared_ptr<Transfer> transfer;
    ~Running() {
      if (!transfer->finished()) client.end(transfer, fail(ErrorCode::cancelled, "nobody waits for the answer"));
    }
  };

  void begin(std::shared_ptr<Transfer> transfer);
  void end(std::shared_ptr<Transfer> transfer, Result<void> outcome);
  void on_done(CURL* easy, CURLcode code);

  EventLoop& loop_;
  std::optional<CurlMulti> multi_;  // from the first request on
  // Shared with the task that waits and with work postponed out of curl's callbacks.
  std::unordered_map<CURL*, std::shared_ptr<Transfer>> transfers_;
};

Task<Result<void>> CurlClient::fetch(ClientRequest request, ResponseSink& sink, std::stop_token stop) {
  if (stop.stop_requested()) co_return fail(ErrorCode::cancelled, "cancelled before it was sent");
  CO_TRY_VOID(load_curl());
  if (!multi_) multi_.emplace(loop_, [this](CURL* easy, CURLcode code) { on_done(easy, code); });
  const auto transfer = std::make_shared<Transfer>(loop_, std::move(request), sink);
  CO_TRY_VOID(transfer->prepare());
  begin(transfer);
  const Running running{*this, transfer};
  // Stop may be requested on any thread, and after the client has gone: the transfer is then finished.
  const std::stop_callback on_stop(stop, [this, &loop = loop_, weak = std::weak_ptr(transfer)] {
    loop.post([this, weak] {
      const auto waiting = weak.lock();
      if (waiting && !waiting->finished()) end(waiting, fail(ErrorCode::cancelled, "cancelled"));
    });
  });
  const OneShot<Unit> done = transfer->done();
  co_await done;
  co_return transfer->result();
}

void CurlClient::begin(std::shared_ptr<Transfer> transfer) {
  transfers_.emplace(transfer->easy(), transfer);
  transfer->start([this, weak = std::weak_ptr(transfer)](Error error) {
    const auto late = weak.lock();
    if (late && !late->finished()) end(late, std::unexpected(std::move(error)));
  });
  multi_->outside_callbacks([this, transfer] {
    if (!transfer->finished()) curl().multi_add_handle(multi_->handle(), transfer->easy());
  });
}

void CurlClient::end(std::shared_ptr<Transfer> transfer, Result<void> outcome) {
  transfers_.erase(transfer->easy());
  transfer->finish(std::move(outcome));
  multi_->outside_callbacks([this, transfer] { curl().multi_remove_handle(multi_->handle(), transfer->easy()); });
}

void CurlClient::on_done(CURL* easy, CURLcode code) {
  const auto found = transfers_.find(easy);
  if (found == transfers_.end()) return;
  end(found->second, found->second->outcome_of(code));
}

// Collects a body up to a limit.
class Collector final : public ResponseSink {
 public:
  explicit Collector(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}
  void on_head(int status, const Headers& headers) override {
    response.status = status;
    response.headers = headers;
  }
  bool on_body(std::string_view bytes) override {
    too_large = response.body.size() + bytes.size() > body_bytes_max_;
    if (!too_large) response.body += bytes;
    return !too_large;
  }

  ClientResponse response;
  bool too_large = false;

 private:
  std::size_t body_bytes_max_;
};

}  // namespace

std::unique_ptr<HttpClient> make_http_client(EventLoop& loop) { return std::make_unique<CurlClient>(loop); }

Task<Result<ClientResponse>> fetch_all(HttpClient& client, ClientRequest request, std::size_t body_bytes_max,
                                       std::stop_token stop) {
  Collector collector(body_bytes_max);
  Result<void> fetched = co_await client.fetch(std::move(request), collector, std::move(stop));
  if (collector.too_large) co_return fail(ErrorCode::too_large, "the answer is larger than {} bytes", body_bytes_max);
  if (!fetched) co_return std::unexpected(std::move(fetched).error());
  co_return std::move(collector.response);
}

}  // namespace quarterdeck::net
