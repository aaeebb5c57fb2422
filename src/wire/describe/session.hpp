// Members of sessions, for the codecs of this folder.
#pragma once

#include "domain/delivery.hpp"
#include "domain/session.hpp"
#include "wire/codec.hpp"
#include "wire/describe/model.hpp"
#include "wire/describe/permission.hpp"

namespace quarterdeck::domain {

constexpr auto enum_names(Status::Type) {
  using enum Status::Type;
  return std::array<std::pair<Status::Type, std::string_view>, 3>{{{idle, "idle"}, {busy, "busy"}, {retry, "retry"}}};
}

constexpr auto enum_names(Delivery) {
  using enum Delivery;
  return std::array<std::pair<Delivery, std::string_view>, 4>{
      {{queue, "queue"}, {steer, "steer"}, {interrupt, "interrupt"}, {reject, "reject"}}};
}

}  // namespace quarterdeck::domain

namespace quarterdeck::wire {

// {"id","providerID","variant"?}: a session names the model's id `id`; `modelID` is read too.
template <class Io>
void session_model_field(Io& io, std::optional<domain::ModelRef>& model) {
  io.optional_object("model", model.has_value(), [&](auto& inner) {
    if (!model) model.emplace();
    std::string_view id_key = "id";
    if constexpr (Io::reading) {
      if (!inner.has("id") && inner.has("modelID")) id_key = "modelID";
    }
    inner.field(id_key, model->model_id);
    inner.field("providerID", model->provider_id);
    inner.field("variant", model->variant);
  });
}

template <class Io>
void describe(Io& io, domain::DiffSummary& summary) {
  io.field("additions", summary.additions);
  io.field("deletions", summary.deletions);
  io.field("files", summary.files);
}

template <class Io>
void describe(Io& io, domain::Revert& revert) {
  io.field("messageID", revert.message_id);
  io.field("partID", revert.part_id);
  io.field("snapshot", revert.snapshot);
  io.field("diff", revert.diff);
}

template <class Io>
void describe(Io& io, domain::Session& session) {
  io.field("id", session.id);
  io.field("slug", session.slug);
  io.field("projectID", session.project_id);
  io.field("directory", session.directory);
  io.field_or("path", session.path, {});
  io.field("parentID", session.parent_id);
  io.field("summary", session.summary);
  io.field_or("cost", session.cost, 0.0);
  io.field_or("tokens", session.tokens, {});
  io.field("title", session.title);
  io.field("agent", session.agent);
  session_model_field(io, session.model);
  io.field("version", session.version);
  io.object("time", [&](auto& time) {
    time.field("created", session.created);
    time.field("updated", session.updated);
    time.field("archived", session.archived);
  });
  io.field("permission", session.permission);
  io.field("metadata", session.metadata);
  io.field("revert", session.revert);
}

template <class Io>
void describe(Io& io, domain::Status& status) {
  io.field("type", status.type);
  if (status.type != domain::Status::Type::retry) return;
  io.field("attempt", status.attempt);
  io.field("message", status.message);
  io.field("next", status.next);
}

template <class Io>
void describe(Io& io, domain::Todo& todo) {
  io.field("content", todo.content);
  io.field("status", todo.status);
  io.field("priority", todo.priority);
}

}  // namespace quarterdeck::wire
