#include "permission/shell/arity.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace quarterdeck::permission::shell {
namespace {

// Programs whose first word says too little, sorted within each list. The longest name that fits decides.
constexpr auto kTwo = std::to_array<std::string_view>(
    {"bazel",     "brew",       "bun",      "cargo",    "cdk",     "cf",       "cmake",     "composer",
     "consul",    "crictl",     "deno",     "docker",   "eksctl",  "firebase", "flyctl",    "git",
     "go",        "gradle",     "helm",     "heroku",   "hugo",    "ip",       "kind",      "kubectl",
     "kustomize", "make",       "mc",       "minikube", "mongosh", "mvn",      "mysql",     "ng",
     "npm",       "nvm",        "nx",       "openssl",  "pip",     "pipenv",   "pnpm",      "podman",
     "poetry",    "psql",       "pulumi",   "pyenv",    "python",  "rake",     "rbenv",     "redis-cli",
     "rustup",    "serverless", "skaffold", "sls",      "sst",     "swift",    "systemctl", "terraform",
     "tmux",      "turbo",      "ufw",      "vault",    "vercel",  "volta",    "wp",        "yarn"});
constexpr auto kThree = std::to_array<std::string_view>({"aws",
                                                         "az",
                                                         "bun run",
                                                         "bun x",
                                                         "cargo add",
                                                         "cargo run",
                                                         "consul kv",
                                                         "deno task",
                                                         "docker builder",
                                                         "docker compose",
                                                         "docker container",
                                                         "docker image",
                                                         "docker network",
                                                         "docker volume",
                                                         "doctl",
                                                         "eksctl create",
                                                         "gcloud",
                                                         "gh",
                                                         "git config",
                                                         "git remote",
                                                         "git stash",
                                                         "ip addr",
                                                         "ip link",
                                                         "ip netns",
                                                         "ip route",
                                                         "kind create",
                                                         "kubectl kustomize",
                                                         "kubectl rollout",
                                                         "mc admin",
                                                         "npm exec",
                                                         "npm init",
                                                         "npm run",
                                                         "npm view",
                                                         "openssl req",
                                                         "openssl x509",
                                                         "pnpm dlx",
                                                         "pnpm exec",
                                                         "pnpm run",
                                                         "podman container",
                                                         "podman image",
                                                         "pulumi stack",
                                                         "sfdx",
                                                         "terraform workspace",
                                                         "vault auth",
                                                         "vault kv",
                                                         "yarn dlx",
                                                         "yarn run"});

template <std::size_t N>
bool holds(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

std::size_t prefix_words(std::span<const std::string> words) {
  if (words.size() >= 2 && holds(kThree, words[0] + " " + words[1])) return 3;
  if (words.empty()) return 0;
  if (holds(kThree, words[0])) return 3;
  return holds(kTwo, words[0]) ? 2 : 1;
}

}  // namespace quarterdeck::permission::shell
