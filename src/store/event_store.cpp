#include "store/event_store.hpp"

namespace quarterdeck::store {

Task<EventStore::Appended> EventStore::append(Batch batch) {
  OneShot<Appended> appended(loop_);
  append(std::move(batch), [setter = appended.setter()](Appended result) { setter(std::move(result)); });
  co_return co_await appended;
}

Task<Result<>> EventStore::put_project(domain::Project project) {
  OneShot<Result<>> done(loop_);
  put_project(std::move(project), [setter = done.setter()](Result<> result) { setter(std::move(result)); });
  co_return co_await done;
}

Task<Result<>> EventStore::remove_saved_rule(std::string id) {
  OneShot<Result<>> done(loop_);
  remove_saved_rule(std::move(id), [setter = done.setter()](Result<> result) { setter(std::move(result)); });
  co_return co_await done;
}

}  // namespace quarterdeck::store
