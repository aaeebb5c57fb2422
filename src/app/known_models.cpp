#include "app/known_models.hpp"

#include "base/log.hpp"
#include "llm/catalogue.hpp"

namespace quarterdeck::app {

std::filesystem::path model_list_file(const Places& places) { return places.data / "models.json"; }

std::shared_ptr<const KnownModels> read_known(const Places& places) {
  auto known = std::make_shared<KnownModels>();
  std::error_code error;
  const auto file = model_list_file(places);
  const auto bytes = std::filesystem::file_size(file, error);
  if (!error && bytes <= kModelListBytesMax) {
    const auto text = read_file(file);
    auto list = text ? llm::parse_catalogue(*text) : std::unexpected(text.error());
    if (list) {
      known->catalogue = llm::refreshed(*std::move(list));
    } else {
      log::warn("{}: {}; the shipped list of models is used", file.string(), list.error().message);
    }
  }
  if (known->catalogue.empty()) known->catalogue = llm::builtin_catalogue();
  auto credentials = config::read_credentials(places);
  if (credentials) {
    known->credentials = *std::move(credentials);
  } else {
    log::warn("{}", credentials.error().message);
  }
  return known;
}

}  // namespace quarterdeck::app
