#include "base/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

namespace quarterdeck::metrics {
namespace {

struct Registry {
  std::mutex mutex;
  std::vector<Shown*> all;
};

// Never destroyed: static objects of other files leave it after us.
Registry& registry() {
  static auto* one = new Registry;
  return *one;
}

template <class Kind>
void write_one(Page& page, std::string_view name, std::string_view labels, const Kind& kind) {
  if constexpr (std::is_same_v<Kind, Counter>) {
    page.value(name, labels, static_cast<double>(kind.value()));
  } else {
    kind.write(page, name, labels);
  }
}

}  // namespace

void Page::family(std::string_view name, std::string_view help, std::string_view type) {
  fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void Page::value(std::string_view name, std::string_view labels, double value) {
  text_ += name;
  if (!labels.empty()) fmt::format_to(std::back_inserter(text_), "{{{}}}", labels);
  if (value == std::floor(value) && std::abs(value) < 1e15) {
    fmt::format_to(std::back_inserter(text_), " {}\n", static_cast<std::int64_t>(value));
  } else {
    fmt::format_to(std::back_inserter(text_), " {}\n", value);
  }
}

std::string label(std::string_view name, std::string_view value) {
  std::string out = fmt::format("{}=\"", name);
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

void Histogram::observe_ns(std::int64_t ns) {
  const auto bound = std::ranges::lower_bound(kBoundsUs, (ns + 999) / 1000);
  buckets_[static_cast<std::size_t>(bound - kBoundsUs.begin())].fetch_add(1, std::memory_order_relaxed);
  sum_ns_.fetch_add(static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0)), std::memory_order_relaxed);
}

std::uint64_t Histogram::count() const {
  std::uint64_t all = 0;
  for (const auto& bucket : buckets_) all += bucket.load(std::memory_order_relaxed);
  return all;
}

void Histogram::write(Page& page, std::string_view name, std::string_view labels) const {
  const std::string_view comma = labels.empty() ? "" : ",";
  const std::string bucket_name = fmt::format("{}_bucket", name);
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < kBoundsUs.size(); ++i) {
    below += buckets_[i].load(std::memory_order_relaxed);
    const std::string with_bound =
        fmt::format("{}{}le=\"{}\"", labels, comma, static_cast<double>(kBoundsUs[i]) / 1'000'000.0);
    page.value(bucket_name, with_bound, static_cast<double>(below));
  }
  below += buckets_.back().load(std::memory_order_relaxed);
  page.value(bucket_name, fmt::format("{}{}le=\"+Inf\"", labels, comma), static_cast<double>(below));
  page.value(fmt::format("{}_sum", name), labels,
             static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) / 1'000'000'000.0);
  page.value(fmt::format("{}_count", name), labels, static_cast<double>(below));
}

Shown::Shown() {
  const std::lock_guard lock(registry().mutex);
  registry().all.push_back(this);
}
Shown::~Shown() {
  const std::lock_guard lock(registry().mutex);
  std::erase(registry().all, this);
}

template <class Kind>
Kind& Family<Kind>::with(std::string_view labels) {
  const std::lock_guard lock(mutex_);
  if (const auto found = each_.find(labels); found != each_.end()) return *found->second;
  if (each_.size() >= kMax) return *each_.begin()->second;
  return *each_.emplace(std::string(labels), std::make_unique<Kind>()).first->second;
}

template <class Kind>
void Family<Kind>::write(Page& page) {
  const std::lock_guard lock(mutex_);
  if (each_.empty()) return;
  page.family(name_, help_, std::is_same_v<Kind, Counter> ? "counter" : "histogram");
  for (const auto& [labels, kind] : each_) write_one(page, name_, labels, *kind);
}

template class Family<Counter>;
template class Family<Histogram>;

void Gauge::write(Page& page) {
  page.family(name_, help_, type_);
  page.value(name_, {}, read_());
}

void limit_hit(std::string_view limit) {
  static Family<Counter> hits("quarterdeck_limit_hits_total", "What was refused, cut or closed because of a limit");
  hits.with(label("limit", limit)).add();
}

std::string render() {
  Page page;
  const std::lock_guard lock(registry().mutex);
  for (Shown* shown : registry().all) shown->write(page);
  return page.text();
}

}  // namespace quarterdeck::metrics
