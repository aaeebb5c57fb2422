// Numbers about the running process, shown at /metrics in Prometheus' text format. Global, as the log is: a number is a
// static object beside the code that it counts, and may be changed on any thread. Names: docs/operations.md.
// Laws: counting costs one relaxed addition and never allocates (a new label value does, once); nothing here ticks.
// Source: Prometheus' "Text-based format", version 0.0.4.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace quarterdeck::metrics {

// The text of one scrape.
class Page {
 public:
  // Begins a family; `type` is "counter", "gauge" or "histogram".
  void family(std::string_view name, std::string_view help, std::string_view type);
  // One line of it. `labels` is `route="/x",status="200"` without braces, or empty.
  void value(std::string_view name, std::string_view labels, double value);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// A label's value with what the format escapes: label("route", "/a") is `route="/a"`.
std::string label(std::string_view name, std::string_view value);

class Counter {
 public:
  void add(std::uint64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Durations, in buckets from 0.1 ms to 10 s.
class Histogram {
 public:
  static constexpr std::array<std::int64_t, 15> kBoundsUs = {100,     250,     500,       1'000,     2'500,
                                                             5'000,   10'000,  25'000,    50'000,    100'000,
                                                             250'000, 500'000, 1'000'000, 2'500'000, 10'000'000};
  void observe_ns(std::int64_t ns);
  std::uint64_t count() const;
  void write(Page& page, std::string_view name, std::string_view labels) const;

 private:
  std::array<std::atomic<std::uint64_t>, kBoundsUs.size() + 1> buckets_{};
  std::atomic<std::uint64_t> sum_ns_{0};
};

// What is shown: registers itself for the life of the object.
class Shown {
 public:
  Shown();
  virtual ~Shown();
  Shown(const Shown&) = delete;
  Shown& operator=(const Shown&) = delete;
  virtual void write(Page& page) = 0;
};

// A family of counters or histograms by label values, or a single one with no labels. Names have static storage.
template <class Kind>
class Family final : public Shown {
 public:
  Family(std::string_view name, std::string_view help) : name_(name), help_(help) {}
  // The one with these labels (made on first use). At most kMax of them: what is new beyond shares the last one.
  Kind& with(std::string_view labels = {});
  void write(Page& page) override;

  static constexpr std::size_t kMax = 2000;

 private:
  std::string_view name_;
  std::string_view help_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Kind>, std::less<>> each_;
};
extern template class Family<Counter>;
extern template class Family<Histogram>;

// A gauge that is read when somebody asks. `read` runs on the thread that renders (the loop).
class Gauge final : public Shown {
 public:
  using Read = std::function<double()>;
  Gauge(std::string_view name, std::string_view help, Read read, std::string_view type = "gauge")
      : name_(name), help_(help), type_(type), read_(std::move(read)) {}
  void write(Page& page) override;

 private:
  std::string_view name_;
  std::string_view help_;
  std::string_view type_;
  Read read_;
};

// A limit refused or cut something: quarterdeck_limit_hits_total{limit="…"}.
void limit_hit(std::string_view limit);

std::string render();

}  // namespace quarterdeck::metrics
