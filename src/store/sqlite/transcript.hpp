// Pages of messages with their parts, joined from stored JSON. A part that is still being streamed shows all text that
// is on disk, so that who comes late sees what others saw.
#pragma once

#include <map>
#include <string>

#include "store/query.hpp"
#include "store/sqlite/connection.hpp"
#include "store/sqlite/migrations.hpp"

namespace quarterdeck::store::sqlite {

// Streamed text by part key.
using Tails = std::map<std::int64_t, std::string>;
Tails tails_of(Connection& sql, KeyRange parts);
// The part with its streamed text at the end.
Result<std::string> with_tail(std::string_view part_json, const std::string& tail);

Result<MessagePage> message_page(Connection& sql, std::int64_t session, const MessageSlice& slice);
// [part,part…] of one message.
Result<std::string> parts_json(Connection& sql, std::int64_t message);

}  // namespace quarterdeck::store::sqlite
