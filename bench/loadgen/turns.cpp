#include <charconv>
#include <memory>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "bench/loadgen/client.hpp"
#include "bench/loadgen/load.hpp"

namespace quarterdeck::loadgen {
namespace {

struct TurnTimes {
  std::int64_t posted = 0, acknowledged = 0, first_made = 0, last_made = 0, idle = 0;
};

struct Mark {
  std::uint64_t stream = 0;
  std::uint64_t number = 0;
  std::int64_t made_ns = 0;
};

// "@<stream hex>.<number hex>.<ns hex>;" at the start of `text`.
bool read_mark(std::string_view text, Mark& mark) {
  const char* at = text.data() + 1;
  const char* const end = text.data() + text.size();
  const auto field = [&](auto& value, char separator) {
    const auto [stop, error] = std::from_chars(at, end, value, 16);
    if (error != std::errc{} || stop == end || *stop != separator) return false;
    at = stop + 1;
    return true;
  };
  return field(mark.stream, '.') && field(mark.number, '.') && field(mark.made_ns, ';');
}

std::string_view string_after(std::string_view line, std::string_view key) {
  const auto at = line.find(key);
  if (at == std::string_view::npos) return {};
  line.remove_prefix(at + key.size());
  return line.substr(0, line.find('"'));
}

class Run {
 public:
  explicit Run(const TurnLoad& load) : load_(load) {
    for (std::size_t i = 0; i < load.sessions.size(); ++i) index_[load.sessions[i]] = i;
    current_.assign(load.sessions.size(), kNone);
  }

  std::string run() {
    subscribe();
    poll_.run(10, [&] { return listening_ == load_.subscribers; });
    start_ns_ = now_ns();
    for (int i = 0; i < load_.parallel && next_session_ < load_.sessions.size(); ++i) {
      Slot& slot = *slots_.emplace_back(std::make_unique<Slot>(poll_, load_.port));
      slot.connection.on_done = [this, &slot] { acknowledged(slot); };
      advance(slot);
    }
    const auto wanted = load_.sessions.size() * static_cast<std::size_t>(load_.turns);
    poll_.run(load_.seconds, [&] { return ended_ >= wanted; });
    end_ns_ = now_ns();
    // The other subscribers may be behind the first.
    poll_.run(5, [&] {
      for (const auto& reader : readers_) {
        if (reader->idles < readers_.front()->idles) return false;
      }
      return true;
    });
    return report();
  }

 private:
  static constexpr std::size_t kNone = ~std::size_t{};

  struct Slot {
    Slot(Poll& poll, std::uint16_t port) : connection(poll, port) {}
    Connection connection;
    std::size_t session = kNone;
    int turns = 0;
    std::size_t turn = kNone;
  };
  struct Reader {
    Reader(Poll& poll, std::uint16_t port) : connection(poll, port) {}
    Connection connection;
    std::string line;
    bool heard = false;
    std::uint64_t events = 0;
    std::uint64_t idles = 0;
    std::int64_t last_ns = 0;
  };

  void subscribe() {
    for (int i = 0; i < load_.subscribers; ++i) {
      Reader& reader = *readers_.emplace_back(std::make_unique<Reader>(poll_, load_.port));
      reader.connection.on_body = [this, &reader, first = i == 0](std::string_view piece) {
        read(reader, piece, first);
      };
      reader.connection.on_done = [this] { ++broken_; };
      reader.connection.request("GET", load_.events, {});
    }
  }

  void read(Reader& reader, std::string_view bytes, bool first) {
    if (!std::exchange(reader.heard, true)) ++listening_;
    reader.last_ns = now_ns();
    for (;;) {
      const auto end = bytes.find('\n');
      if (end == std::string_view::npos) break;
      std::string_view line = bytes.substr(0, end);
      bytes.remove_prefix(end + 1);
      if (!reader.line.empty()) line = reader.line += line;
      if (line.starts_with("data:")) {
        ++reader.events;
        const bool idle = line.contains(R"("type":"session.idle")");
        if (idle) ++reader.idles;
        if (first) idle ? on_idle(line, reader.last_ns) : on_marks(line, reader.last_ns);
      }
      reader.line.clear();
    }
    reader.line += bytes;
  }

  std::size_t turn_of(std::string_view line) const {
    const auto found = index_.find(std::string(string_after(line, R"("sessionID":")")));
    return found == index_.end() ? kNone : current_[found->second];
  }

  void on_marks(std::string_view line, std::int64_t now) {
    std::size_t turn = kNone;
    for (auto at = line.find('@'); at != std::string_view::npos; at = line.find('@', at + 1)) {
      Mark mark;
      if (!read_mark(line.substr(at), mark)) continue;
      auto& next = next_number_[mark.stream];
      if (mark.number < next) continue;  // whole parts repeat what deltas brought
      next = mark.number + 1;
      ++marks_;
      lag_.add_ns(now - mark.made_ns);
      if (turn == kNone) turn = turn_of(line);
      if (turn == kNone) continue;
      TurnTimes& times = turns_[turn];
      if (times.first_made == 0) times.first_made = mark.made_ns;
      times.last_made = mark.made_ns;
    }
  }

  void on_idle(std::string_view line, std::int64_t now) {
    const auto turn = turn_of(line);
    if (turn == kNone || turns_[turn].idle != 0) return;
    turns_[turn].idle = now;
    for (const auto& slot : slots_) {
      if (slot->turn == turn) return maybe_advance(*slot);
    }
  }

  void acknowledged(Slot& slot) {
    if (slot.turn == kNone) return;
    TurnTimes& times = turns_[slot.turn];
    times.acknowledged = now_ns();
    if (slot.connection.status() / 100 != 2) {
      ++refused_;
      times.idle = times.acknowledged;
    }
    maybe_advance(slot);
  }

  void maybe_advance(Slot& slot) {
    if (turns_[slot.turn].idle == 0 || turns_[slot.turn].acknowledged == 0) return;
    ++ended_;
    current_[slot.session] = kNone;
    ++slot.turns;
    slot.turn = kNone;
    advance(slot);
  }

  void advance(Slot& slot) {
    if (refused_ > 100) return;
    if (slot.session == kNone || slot.turns >= load_.turns) {
      if (next_session_ >= load_.sessions.size()) return;
      slot.session = next_session_++;
      slot.turns = 0;
    }
    slot.turn = turns_.size();
    current_[slot.session] = slot.turn;
    turns_.push_back({.posted = now_ns()});
    slot.connection.request("POST", fmt::format("/session/{}/prompt_async", load_.sessions[slot.session]), load_.body);
  }

  std::string report() {
    Samples total, acknowledge, own;
    std::int64_t all_open = 0;
    std::int64_t made_first = end_ns_;
    std::string each;
    for (const TurnTimes& times : turns_) {
      if (times.idle == 0) continue;
      total.add_ns(times.idle - times.posted);
      if (times.acknowledged != 0) acknowledge.add_ns(times.acknowledged - times.posted);
      each += fmt::format("{}{:.3f}", each.empty() ? "" : ",", static_cast<double>(times.idle - times.posted) / 1e6);
      if (times.first_made == 0) continue;
      own.add_ns(times.first_made - times.posted + times.idle - times.last_made);
      all_open = std::max(all_open, times.first_made - start_ns_);
      made_first = std::min(made_first, times.first_made);
    }
    std::uint64_t events = 0;
    std::int64_t last = 0;
    for (const auto& reader : readers_) {
      events += reader->events;
      last = std::max(last, reader->last_ns);
    }
    const double span = static_cast<double>(last - made_first) / 1e9;
    return fmt::format(
        R"({{"turns":{},"ended":{},"refused":{},"subscribers":{},"broken":{},"seconds":{:.4f},"turn_ms":{},"ack_ms":{},)"
        R"("own_ms":{},"lag_ms":{},"marks":{},"events":{},"stream_seconds":{:.4f},"all_open_ms":{:.2f},"each_ms":[{}]}})",
        turns_.size(), ended_, refused_, listening_, broken_, static_cast<double>(end_ns_ - start_ns_) / 1e9,
        total.json(), acknowledge.json(), own.json(), lag_.json(), marks_, events, span,
        static_cast<double>(all_open) / 1e6, each);
  }

  const TurnLoad& load_;
  Poll poll_;
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<std::size_t> current_;  // session -> its turn in flight
  std::vector<TurnTimes> turns_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::unordered_map<std::uint64_t, std::uint64_t> next_number_;
  Samples lag_;
  std::size_t next_session_ = 0, ended_ = 0;
  int listening_ = 0, broken_ = 0, refused_ = 0;
  std::uint64_t marks_ = 0;
  std::int64_t start_ns_ = 0, end_ns_ = 0;
};

}  // namespace

std::string run_turns(const TurnLoad& load) { return Run(load).run(); }

}  // namespace quarterdeck::loadgen
