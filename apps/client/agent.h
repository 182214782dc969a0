#pragma once

#include <filesystem>

#include "apps/client/options.h"

namespace lorae::apps {

struct AgentSettings {
  ClientOptions options;
  Identity identity;
  std::filesystem::path home;
};

/// Takes part in rounds until the coordinator has no more of them: connects, fetches, trains on a
/// thread of its own, sends. Survives restarts of either side. SIGINT and SIGTERM end it; what is
/// trained but not acknowledged is sent after the next start. The model of a run that is over is
/// kept in HOME/models/NAME. Returns the exit status.
/// Errors: a mistake in what this client was given (its images, its classes), with the code and the
/// message that say what to mend.
int run_agent(const AgentSettings& settings);

}  // namespace lorae::apps
