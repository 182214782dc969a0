#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "client/memory.h"
#include "client/session.h"
#include "codec/block.h"
#include "simulation/timeline.h"
#include "simulation/workers.h"
#include "transport/in_process.h"

namespace lorae::simulation {

/// Names of virtual clients: "client-01" ... with as many digits as the last one needs, so that
/// they sort in order.
std::vector<ClientId> client_names(std::int64_t count);

/// What all virtual clients of a process keep one copy of. Threads: any.
class SharedBackbones {
 public:
  std::shared_ptr<const Bytes> find(const Digest& digest) const;
  /// Where it is put together, once for all who fetch it.
  std::shared_ptr<client::ObjectBuffer> incoming(const Digest& digest, std::uint64_t bytes);
  /// The copy that is kept: the first one of this digest.
  std::shared_ptr<const Bytes> keep(const Digest& digest, std::shared_ptr<const Bytes> bytes);

 private:
  mutable std::mutex mutex_;
  std::map<Digest, std::shared_ptr<const Bytes>> kept_;
  std::map<Digest, std::shared_ptr<client::ObjectBuffer>> incoming_;
};

/// What the virtual clients of a run leave on the disk, and what they lack.
struct FleetOptions {
  std::filesystem::path own_states;    ///< folder of what they keep of their own
  std::filesystem::path deltas = {};   ///< folder of what they trained; empty: not kept
  std::vector<std::string> lose = {};  ///< "client-03@5": who loses its own, before which round
  std::vector<std::int64_t> rank_max = {0};  ///< see client::Work; of the clients in turn
};

/// The change that `client` trained in `round`: DELTAS/client-03-000012.safetensors.
std::filesystem::path delta_path(const std::filesystem::path& deltas,
                                 RoundId round,
                                 const ClientId& client);

/// Memory of a virtual client: it fetches the backbone over the wire like a real one.
class FleetMemory final : public client::Memory {
 public:
  /// Its folders are made when there is something to keep.
  FleetMemory(SharedBackbones& shared, const FleetOptions& options, const ClientId& client);

  bool has_backbone(const Digest& digest, std::uint64_t bytes) const override;
  std::shared_ptr<const Bytes> backbone(const Digest& digest) override;
  std::shared_ptr<client::ObjectBuffer> incoming_backbone(const Digest& digest,
                                                          std::uint64_t bytes) override {
    return shared_.incoming(digest, bytes);
  }
  void keep_backbone(const Digest& digest, std::shared_ptr<const Bytes> bytes) override;
  std::optional<client::TrainedUpdate> update(const client::UpdateKey& key) override;
  void keep_update(const client::UpdateKey& key, const client::TrainedUpdate* update) override;
  void on_trained(const client::UpdateKey& key,
                  const codec::Blocks& local,
                  const codec::Blocks& global) override;
  client::OwnState& own_state() override { return own_state_; }

 private:
  SharedBackbones& shared_;
  client::OwnState own_state_;
  std::filesystem::path deltas_;
  ClientId client_;
  mutable std::mutex mutex_;  // kept by a worker, asked for by the session's thread
  std::set<Digest> held_;
};

/// Many clients in one process: each has its own Session, speaking the wire protocol over an
/// in-process network; Workers train for them.
///
/// Everything but training happens on the caller's thread, in a fixed order, and training depends
/// on its Work alone, so results do not depend on the number of workers.
class Fleet {
 public:
  /// `image_count` tells how much work a client is: the largest of a round start first. `places`:
  /// and `frozen`: as Workers takes them. Errors: kInvalidConfig for a text in `lose` that is none
  /// such.
  Fleet(transport::InProcessNetwork& network,
        const Timeline& timeline,
        const std::vector<ClientId>& clients,
        client::ImageSource images,
        std::function<std::size_t(const client::Work&)> image_count,
        const std::vector<at::Device>& places,
        FrozenWeights& frozen,
        FleetOptions options);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  /// Moves on everything that can move: frames both ways, finished trainings. Waits for a training
  /// to finish if nothing else is left to do. `after_frames` lets the coordinator advance; false
  /// from it ends the call: all rounds are done. Errors: a training's failure, as the Error that it
  /// threw.
  void pump(const std::function<bool()>& after_frames);

  std::int64_t trainings() const { return trainings_; }
  /// Time that trainings took, summed over workers. Units: seconds.
  double training_seconds() const { return training_seconds_; }

 private:
  struct Member;

  void take_outgoing(Member& member);
  [[noreturn]] void fail_stuck();
  void collect_jobs();
  bool collect_done(bool wait);

  transport::InProcessNetwork& network_;
  const Timeline& timeline_;
  std::function<std::size_t(const client::Work&)> image_count_;
  SharedBackbones backbones_;
  std::vector<std::unique_ptr<Member>> members_;
  FleetOptions options_;
  std::set<std::pair<ClientId, RoundId>> lose_;
  std::int64_t trainings_ = 0;
  double training_seconds_ = 0;
  Workers workers_;  // goes first: jobs use the members' memories
};

}  // namespace lorae::simulation
