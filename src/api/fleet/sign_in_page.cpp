#include "api/fleet/sign_in_page.hpp"

#include "base/digest.hpp"
#include "base/encoding.hpp"

#include <fmt/format.h>

namespace quarterdeck::api::fleet {
namespace {

constexpr std::string_view kScript = R"js(
const form = document.querySelector("form"), field = document.querySelector("input"), said = document.querySelector("p")
async function enter(body) {
  const answer = await fetch("/fleet/sign-in", {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  })
  if (answer.ok) return location.replace("/")
  const error = await answer.json().catch(() => undefined)
  said.textContent = error?.data?.message ?? "That did not work (" + answer.status + ")"
}
form.addEventListener("submit", (event) => {
  event.preventDefault()
  enter(field.value.startsWith("qd_") ? { token: field.value } : { password: field.value })
})
const link = location.hash.slice(1)
if (link.startsWith("qd_")) {
  history.replaceState(null, "", "/sign-in")
  field.closest("label").hidden = true
  field.required = false
  field.value = link
  said.textContent = "This link signs this browser in. It works once."
}
)js";

constexpr std::string_view kStyle =
    "body{font:16px/1.5 system-ui;max-width:24rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}"
    "input,button{font:inherit;width:100%;box-sizing:border-box;padding:.6rem;margin:.3rem 0}";

std::string source_of(std::string_view text) {
  const auto digest = sha256(text);
  return digest ? fmt::format("'sha256-{}'", base64(*digest)) : "'none'";
}

}  // namespace

net::Response sign_in_page() {
  static const std::string policy = fmt::format(
      "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; form-action 'none'; base-uri 'none'; "
      "frame-ancestors 'none'",
      source_of(kScript), source_of(kStyle));
  return {.headers = {{"Content-Type", "text/html; charset=utf-8"},
                      {"Cache-Control", "no-store"},
                      {"Referrer-Policy", "no-referrer"},
                      {"Content-Security-Policy", policy}},
          .body = fmt::format("<!doctype html><html lang=en><meta charset=utf-8>"
                              "<meta name=viewport content='width=device-width,initial-scale=1'>"
                              "<title>Sign in · Quarterdeck</title><style>{}</style><h1>Quarterdeck</h1><form>"
                              "<label>Password or token<input type=password required autofocus "
                              "autocomplete=current-password></label><button>Sign in</button></form>"
                              "<p role=status></p><script>{}</script></html>",
                              kStyle, kScript)};
}

}  // namespace quarterdeck::api::fleet
