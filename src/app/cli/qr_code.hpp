// A text as a QR code for terminals: two modules a character, light on dark, with its quiet zone.
// libqrencode is loaded when it is needed. Empty: it is not there, or the text is too long.
#pragma once

#include <string>
#include <string_view>

namespace quarterdeck::app {

std::string qr_code(const std::string& text, bool colour);

}  // namespace quarterdeck::app
