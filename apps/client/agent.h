#pragma once

#include <filesystem>

#include "apps/client/options.h"
#include "client/trainer.h"

namespace lorae::apps {

/// How a client's run ended; the exit status of lorae-client.
enum class AgentEnd { kFinished = 0, kRefused = 65, kReplaced = 75, kInterrupted = 130 };

struct AgentSettings {
  ClientOptions options;
  Identity identity;
  std::filesystem::path home;
};

/// Takes part in rounds until the coordinator has no more of them: connects, fetches, trains on a
/// thread of its own, sends. Survives restarts of either side. SIGINT and SIGTERM end it; what is
/// trained but not acknowledged is sent after the next start.
AgentEnd run_agent(const AgentSettings& settings);

}  // namespace lorae::apps
