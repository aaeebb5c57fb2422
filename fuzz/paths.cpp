// Percent-encoding, base64 and the search of file names: what is encoded comes back, nothing is found that is not there.
#include <vector>

#include "base/encoding.hpp"
#include "fuzz_target.hpp"
#include "workspace/files.hpp"

FUZZ_TARGET(paths) {
  using namespace quarterdeck;
  CHECK(percent_decode(percent_encode(input)) == input);
  CHECK(base64_decode(base64(input)) == input);
  CHECK(base64_decode(base64url(input)) == input);
  (void)percent_decode(input, true);
  (void)base64_decode(input);

  std::vector<std::string> files;
  std::string_view rest = input;
  const std::string_view query = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(query.size() + 1, rest.size()));
  while (!rest.empty() && files.size() < 50) {
    files.emplace_back(rest.substr(0, rest.find('\n')));
    rest.remove_prefix(std::min(files.back().size() + 1, rest.size()));
  }
  const auto found = workspace::best_matches(query, files, 10);
  CHECK(found.size() <= 10);
  for (const std::string& file : found) {
    CHECK(std::find(files.begin(), files.end(), file) != files.end());
  }
}
