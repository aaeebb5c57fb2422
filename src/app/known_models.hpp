// What the machine knows about models and their keys: the shipped catalogue or the refreshed one, and auth.json.
// Reads files: call it on the pool.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/paths.hpp"
#include "config/credentials.hpp"
#include "domain/model.hpp"

namespace quarterdeck::app {

inline constexpr std::size_t kModelListBytesMax = 32 * 1024 * 1024;

struct KnownModels {
  std::vector<domain::ProviderInfo> catalogue;
  config::Credentials credentials;
};

// <data>/models.json, written by `quarterdeck models --refresh`, wins over the shipped list; a damaged file counts for
// nothing, with a warning.
std::shared_ptr<const KnownModels> read_known(const Places& places);
std::filesystem::path model_list_file(const Places& places);

}  // namespace quarterdeck::app
