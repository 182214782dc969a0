#include "simulation/fleet.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "adapters/blocks.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/figures.h"
#include "codec/values.h"
#include "tensors/safetensors.h"

namespace lorae::simulation {

std::vector<ClientId> client_names(std::int64_t count) {
  const std::size_t digits = std::max<std::size_t>(2, std::to_string(count).size());
  std::vector<ClientId> names;
  for (std::int64_t i = 1; i <= count; ++i) {
    const std::string number = std::to_string(i);
    names.push_back({"client-" + std::string(digits - number.size(), '0') + number});
  }
  return names;
}

std::shared_ptr<const Bytes> SharedBackbones::find(const Digest& digest) const {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(digest);
  return found == kept_.end() ? nullptr : found->second;
}

std::shared_ptr<client::ObjectBuffer> SharedBackbones::incoming(const Digest& digest,
                                                                std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  auto& buffer = incoming_[digest];
  if (buffer == nullptr) {
    buffer = std::make_shared<client::ObjectBuffer>(bytes);
  }
  return buffer;
}

std::shared_ptr<const Bytes> SharedBackbones::keep(const Digest& digest,
                                                   std::shared_ptr<const Bytes> bytes) {
  const std::lock_guard lock(mutex_);
  return kept_.try_emplace(digest, std::move(bytes)).first->second;
}

FleetMemory::FleetMemory(SharedBackbones& shared,
                         const FleetOptions& options,
                         const ClientId& client)
    : shared_(shared),
      own_state_(options.own_states / client.name),
      deltas_(options.deltas),
      client_(client) {}

bool FleetMemory::has_backbone(const Digest& digest, std::uint64_t /*bytes*/) const {
  const std::lock_guard lock(mutex_);
  return held_.contains(digest);
}

std::shared_ptr<const Bytes> FleetMemory::backbone(const Digest& digest) {
  return has_backbone(digest, 0) ? shared_.find(digest) : nullptr;
}

void FleetMemory::keep_backbone(const Digest& digest, std::shared_ptr<const Bytes> bytes) {
  shared_.keep(digest, std::move(bytes));
  const std::lock_guard lock(mutex_);
  held_.insert(digest);
}

std::optional<client::TrainedUpdate> FleetMemory::update(const client::UpdateKey& /*key*/) {
  return std::nullopt;  // a virtual client never restarts; its session holds what it sends
}

void FleetMemory::keep_update(const client::UpdateKey& /*key*/,
                              const client::TrainedUpdate* /*update*/) {}

void FleetMemory::on_trained(const client::UpdateKey& key,
                             const codec::Blocks& local,
                             const codec::Blocks& global) {
  if (!deltas_.empty()) {
    ensure_directory(deltas_);
    save_safetensors(delta_path(deltas_, key.round, client_),
                     adapters::to_state(codec::subtract(local, global)),
                     {{adapters::kChangeKey, str("of round ", key.round)}});
  }
}

std::filesystem::path delta_path(const std::filesystem::path& deltas,
                                 RoundId round,
                                 const ClientId& client) {
  return deltas / of_round(client.name + ".safetensors", round.value);
}

namespace {

std::set<std::pair<ClientId, RoundId>> losses_of(const std::vector<std::string>& texts,
                                                 const std::vector<ClientId>& clients) {
  std::set<std::pair<ClientId, RoundId>> losses;
  for (const std::string& text : texts) {
    const std::size_t at = text.find('@');
    const ClientId client{text.substr(0, at)};
    RoundId round;
    const char* end = text.data() + text.size();
    const bool number = at != std::string::npos &&
                        std::from_chars(text.data() + at + 1, end, round.value).ptr == end &&
                        round > RoundId{0};
    check(number && std::ranges::find(clients, client) != clients.end(), ErrorCode::kInvalidConfig,
          "simulation.lose: expected a client and a round as in \"", clients.front(),
          "@5\", got \"", text, '"');
    losses.emplace(client, round);
  }
  return losses;
}

std::int64_t rank_max_of(const FleetOptions& options, std::size_t client) {
  return options.rank_max[client % options.rank_max.size()];
}

}  // namespace

struct Fleet::Member {
  FleetMemory memory;
  client::Session session;
  std::unique_ptr<transport::ClientChannel> channel;

  Member(SharedBackbones& shared,
         const FleetOptions& options,
         const ClientId& client,
         std::size_t index)
      : memory(shared, options, client),
        session(memory,
                /*nonce=*/index + 1,
                {.software = "lorae-simulate", .rank_max = rank_max_of(options, index)}) {}
};

Fleet::Fleet(transport::InProcessNetwork& network,
             const Timeline& timeline,
             const std::vector<ClientId>& clients,
             client::ImageSource images,
             std::function<std::size_t(const client::Work&)> image_count,
             const std::vector<at::Device>& places,
             FrozenWeights& frozen,
             FleetOptions options)
    : network_(network),
      timeline_(timeline),
      image_count_(std::move(image_count)),
      options_(std::move(options)),
      lose_(losses_of(options_.lose, clients)),
      workers_(std::move(images), places, frozen) {
  for (std::size_t i = 0; i < clients.size(); ++i) {
    members_.push_back(std::make_unique<Member>(backbones_, options_, clients[i], i));
    Member* member = members_.back().get();
    member->channel = network_.connect(
        clients[i],
        [this, member](wire::Frame frame) {
          member->session.on_frame(std::move(frame), timeline_.now());
          take_outgoing(*member);
        },
        [this, member](transport::LinkEvent event, const std::string& /*detail*/) {
          if (event == transport::LinkEvent::kConnected) {
            member->session.on_connected(timeline_.now());
            take_outgoing(*member);
          }
        });
  }
}

Fleet::~Fleet() = default;

void Fleet::take_outgoing(Member& member) {
  for (wire::Frame& frame : member.session.take_outgoing()) {
    member.channel->send(std::move(frame));
  }
}

void Fleet::collect_jobs() {
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (auto work = members_[i]->session.take_work()) {
      if (lose_.contains({work->client, work->key.round})) {
        std::filesystem::remove_all(options_.own_states / work->client.name);
      }
      const std::size_t images = image_count_(*work);
      jobs.push_back({i, *std::move(work), &members_[i]->memory, images});
    }
  }
  workers_.submit(std::move(jobs));
}

bool Fleet::collect_done(bool wait) {
  std::vector<Done> done = workers_.collect(wait);
  for (Done& one : done) {
    if (one.failure) {
      std::rethrow_exception(one.failure);
    }
    ++trainings_;
    training_seconds_ += one.seconds;
    Member& member = *members_[one.member];
    member.session.on_trained(one.key, std::move(one.update), timeline_.now());
    take_outgoing(member);
  }
  return !done.empty();
}

void Fleet::fail_stuck() {
  std::string notes;
  for (const auto& member : members_) {
    for (const std::string& note : member->session.take_notes()) {
      notes += "; a client says: " + note;
    }
  }
  fail(ErrorCode::kUnavailable, "[fleet] nothing moves: no frame is on its way and nobody trains",
       notes);
}

void Fleet::pump(const std::function<bool()>& after_frames) {
  network_.deliver_all();
  if (!after_frames()) {
    return;
  }
  collect_jobs();
  if (!collect_done(false) && !network_.deliver_one()) {
    if (workers_.idle()) {
      fail_stuck();
    }
    collect_done(true);
  }
}

}  // namespace lorae::simulation
