#include "api/fleet/attention_stream.hpp"

#include "wire/fleet.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::fleet {
namespace {

constexpr std::int64_t kHeartbeatMs = 10'000;
constexpr std::size_t kChangesMax = 100;  // a piece

}  // namespace

std::string change_json(const quarterdeck::fleet::Change& change) {
  const std::string reply_to = change.reply_to ? ",\"reply_to\":" + change.reply_to->text : "";
  return fmt::format(R"({{"type":"attention","cursor":{},"sessionID":{},"title":{},"priority":"{}","attention":{}{}}})",
                     change.seq, wire::quoted(change.session.value), wire::quoted(change.title),
                     wire::priority_name(change.priority), wire::encode_attention(change.attention), reply_to);
}

AttentionStream::AttentionStream(quarterdeck::fleet::Fleet& fleet, store::Seq after)
    : fleet_(fleet),
      loop_(fleet.engine().loop),
      changes_(fleet.board().changes()),
      subscription_(changes_->subscribe([this] { on_change(); })),
      after_(after),
      words_(": attention\n\n") {
  beat_later();
}

AttentionStream::~AttentionStream() { changes_->unsubscribe(subscription_); }

void AttentionStream::beat_later() {
  beat_ = loop_.after_ms(kHeartbeatMs, [this] {
    words_ = ": heartbeat\n\n";
    beat_later();
    if (wake_) std::exchange(wake_, {})();
  });
}

void AttentionStream::on_change() {
  changed_ = true;
  if (wake_) std::exchange(wake_, {})();
}

net::Stream::Batch AttentionStream::take(std::size_t bytes_max) {
  Batch batch;
  std::string out = std::exchange(words_, {});
  // The fleet may be gone when the stream is closed: nothing is read any more.
  while (changed_ && !changes_->closed() && out.size() < bytes_max) {
    const auto more = fleet_.changes_after(after_, kChangesMax);
    changed_ = more && more->size() == kChangesMax;
    if (!more) break;
    for (const auto& change : *more) {
      out += fmt::format("id: {}\ndata: {}\n\n", change.seq, change_json(change));
      after_ = change.seq;
    }
  }
  if (!out.empty()) batch.pieces.push_back(std::make_shared<const std::string>(std::move(out)));
  batch.end = changes_->closed();
  return batch;
}

void AttentionStream::when_ready(Loop::Callback wake) {
  wake_ = std::move(wake);
  if ((changed_ || changes_->closed() || !words_.empty()) && wake_) std::exchange(wake_, {})();
}

}  // namespace quarterdeck::api::fleet
