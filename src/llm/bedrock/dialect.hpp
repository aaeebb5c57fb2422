// Amazon Bedrock's Converse for the shared provider (protocol "bedrock-converse"): ConverseStream, signed with SigV4 or
// with a bearer token. From the provider's options: region, accessKeyId, secretAccessKey, sessionToken, endpoint.
// Source: Amazon Bedrock API reference, "ConverseStream"; the types of @aws-sdk/client-bedrock-runtime.
#pragma once

#include "llm/protocol/dialect.hpp"

namespace quarterdeck::llm::bedrock {

std::unique_ptr<protocol::Dialect> make_dialect();
std::unique_ptr<protocol::Decoder> make_decoder(ModelSink& sink);
std::unique_ptr<protocol::Framing> make_framing();

std::string encode_request(const ModelRequest& request);

}  // namespace quarterdeck::llm::bedrock
