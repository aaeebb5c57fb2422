#include "net/server/gzip.hpp"

#include <algorithm>
#include <stdexcept>

#include <zlib.h>

#include <boost/beast/core/string.hpp>

namespace quarterdeck::net {
namespace {

using boost::beast::iequals;

constexpr int kLevel = 1;
constexpr int kGzipWindowBits = 15 + 16;

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// "q=0", "q=0.0", "q=0.000"
bool is_zero_weight(std::string_view parameters) {
  const auto at = parameters.find("q=");
  if (at == std::string_view::npos) return false;
  const std::string_view weight = trim(parameters.substr(at + 2));
  return !weight.empty() && weight.find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

struct Gzip::State {
  z_stream stream{};
};

Gzip::Gzip() : state_(std::make_unique<State>()) {
  if (deflateInit2(&state_->stream, kLevel, Z_DEFLATED, kGzipWindowBits, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
}
Gzip::~Gzip() { deflateEnd(&state_->stream); }

void Gzip::write(std::string_view bytes, More more, std::string& out) {
  z_stream& stream = state_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  const int flush = more == More::yes ? Z_NO_FLUSH : Z_FINISH;
  int status = Z_OK;
  do {
    const std::size_t before = out.size();
    const std::size_t room = std::max<std::size_t>(bytes.size() / 4, 4096);
    out.resize(before + room);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(room);
    status = deflate(&stream, flush);
    out.resize(before + room - stream.avail_out);
  } while (stream.avail_out == 0 || (more == More::no && status == Z_OK));
  if (more == More::no) deflateReset(&stream);
}

std::string Gzip::compress(std::string_view body) {
  std::string out;
  out.reserve(body.size() / 3 + 64);
  write(body, More::no, out);
  return out;
}

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    const auto comma = accept_encoding.find(',');
    const std::string_view item = accept_encoding.substr(0, comma);
    accept_encoding.remove_prefix(comma == std::string_view::npos ? accept_encoding.size() : comma + 1);
    const auto semicolon = item.find(';');
    const std::string_view coding = trim(item.substr(0, semicolon));
    const bool refused = semicolon != std::string_view::npos && is_zero_weight(item.substr(semicolon));
    if (iequals(coding, "gzip") || iequals(coding, "x-gzip")) return !refused;
    if (coding == "*") any = !refused;
  }
  return any;
}

bool worth_compressing(std::string_view content_type) {
  if (content_type.starts_with("image/")) return content_type.starts_with("image/svg");
  for (const std::string_view packed : {"video/", "audio/", "font/", "application/zip", "application/gzip"}) {
    if (content_type.starts_with(packed)) return false;
  }
  return true;
}

}  // namespace quarterdeck::net
