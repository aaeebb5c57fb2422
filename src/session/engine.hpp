// What every session runs with. Built once in app/wiring.cpp; all of it outlives the sessions.
#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/loop.hpp"
#include "base/paths.hpp"
#include "feed/feed.hpp"
#include "llm/provider.hpp"
#include "process/process.hpp"
#include "session/history_cache.hpp"
#include "session/instance.hpp"
#include "store/event_store.hpp"
#include "store/query.hpp"
#include "tools/tool.hpp"
#include "workspace/roots.hpp"
#include "workspace/snapshot.hpp"

namespace quarterdeck::session {

class Children;
class TurnGate;

struct EngineOptions {
  std::string version;
  Recovery recovery = Recovery::resume;  // where the configuration says nothing
  int resumes_max = 5;     // a turn that was interrupted more often ends: it may be what kills the server
  int steps_max = 1000;    // of one turn
  int no_progress_max = 5; // steps in a row with the same calls and the same results
  std::int64_t first_byte_timeout_ms = 60'000;
  std::int64_t idle_timeout_ms = 60'000;
  workspace::Roots roots;  // where sessions may work
};

struct Engine {
  Loop& loop;
  BlockingPool& pool;
  Clock& clock;
  IdSource& ids;
  store::EventStore& store;
  store::Query& query;
  feed::Feed& feed;
  std::map<std::string, llm::Provider*> protocols;  // by ProviderInfo::protocol
  tools::Registry& tools;
  process::Processes& processes;
  Instances& instances;
  Places places;
  EngineOptions options;
  workspace::Snapshots* snapshots = nullptr;  // none: nothing can be reverted but the conversation
  std::stop_token shutdown;  // requested when the server stops: turns are left open for the next start

  std::shared_ptr<HistoryCache> histories = std::make_shared<HistoryCache>(loop, pool, query);

  TurnGate* turn_gate = nullptr;  // the fleet sets it; none: every turn begins at once
  Children* children = nullptr;  // the host of the sessions sets it

  bool shutting_down() const { return shutdown.stop_requested(); }
};

}  // namespace quarterdeck::session
