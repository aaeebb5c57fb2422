#include "wire/model.hpp"

#include "wire/codec.hpp"
#include "wire/describe/model.hpp"

namespace quarterdeck::wire {
namespace {

// What a client may see of a model depends on its provider.
struct ModelShape {
  domain::ModelInfo& model;
  domain::ProviderInfo& provider;
};
struct ProviderShape {
  domain::ProviderInfo& provider;
};

void modalities(Writer& io, bool text, bool image, bool pdf) {
  bool no = false;
  io.field("text", text);
  io.field("audio", no);
  io.field("image", image);
  io.field("video", no);
  io.field("pdf", pdf);
}

void describe(Writer& io, ModelShape& shape) {
  domain::ModelInfo& model = shape.model;
  io.field("id", model.id);
  io.field("providerID", model.provider_id);
  io.object("api", [&](Writer& api) {
    std::string url;
    api.field("id", model.api_id.empty() ? model.id : model.api_id);
    api.field("url", url);
    api.field("npm", model.npm.empty() ? shape.provider.npm : model.npm);
  });
  io.field("name", model.name);
  io.field("family", model.family);
  io.object("capabilities", [&](Writer& can) {
    bool no = false;
    can.field("temperature", model.temperature);
    can.field("reasoning", model.reasoning);
    can.field("attachment", model.attachment);
    can.field("toolcall", model.tool_call);
    can.object("input", [&](Writer& input) {
      // Where nobody says more, an attachment is an image to clients.
      modalities(input, true, domain::accepts(model, "image"), !model.input.empty() && domain::accepts(model, "pdf"));
    });
    can.object("output", [&](Writer& output) { modalities(output, true, false, false); });
    if (model.interleaved.empty()) {
      can.field("interleaved", no);
    } else {
      can.object("interleaved", [&](Writer& field) { field.field("field", model.interleaved); });
    }
  });
  io.object("cost", [&](Writer& cost) {
    cost.field("input", model.prices.input);
    cost.field("output", model.prices.output);
    cost.object("cache", [&](Writer& cache) {
      cache.field("read", model.prices.cache_read);
      cache.field("write", model.prices.cache_write);
    });
  });
  io.object("limit", [&](Writer& limit) {
    limit.field("context", model.context_tokens);
    limit.field("output", model.output_tokens);
  });
  io.field("status", model.status);
  io.field("options", model.options);
  io.object("headers", [](Writer&) {});  // they may hold credentials
  io.field("release_date", model.release_date);
  io.object("variants", [&](Writer& variants) {
    for (auto& [name, options] : model.variants) variants.field(name, options);
  });
}

std::string without_userinfo(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == url.npos) return std::string(url);
  const auto authority = scheme + 3;
  const auto at = url.substr(authority, url.find_first_of("/?#", authority) - authority).rfind('@');
  if (at == url.npos) return std::string(url);
  return std::string(url.substr(0, authority)) + std::string(url.substr(authority + at + 1));
}

void describe(Writer& io, ProviderShape& shape) {
  domain::ProviderInfo& provider = shape.provider;
  // OpenCode's clients know env, config, custom and api.
  std::string source = provider.source == "builtin" ? "custom" : provider.source;
  io.field("id", provider.id);
  io.field("name", provider.name);
  io.field("source", source);
  io.field("env", provider.env);
  io.object("options", [&](Writer& options) {
    std::string base_url = without_userinfo(provider.base_url);
    options.field("baseURL", base_url);
  });
  io.object("models", [&](Writer& models) {
    for (auto& [id, model] : provider.models) {
      ModelShape each{model, provider};
      models.field(id, each);
    }
  });
}

void append_provider(std::string& out, const domain::ProviderInfo& provider) {
  ProviderShape shape{const_cast<domain::ProviderInfo&>(provider)};
  Writer(out).write(shape);
}

}  // namespace

std::string encode_model_ref(const domain::ModelRef& model) { return encode(model); }
Result<domain::ModelRef> decode_model_ref(std::string_view json) { return decode_text<domain::ModelRef>(json); }
std::string encode_tokens(const domain::Tokens& tokens) { return encode(tokens); }
Result<domain::Tokens> decode_tokens(std::string_view json) { return decode_text<domain::Tokens>(json); }

std::string encode_provider(const domain::ProviderInfo& provider) {
  std::string out;
  append_provider(out, provider);
  return out;
}
std::string encode_providers(const std::vector<domain::ProviderInfo>& providers) {
  std::string out = "[";
  for (const auto& provider : providers) {
    if (out.size() > 1) out += ',';
    append_provider(out, provider);
  }
  return out + "]";
}

}  // namespace quarterdeck::wire
