#include "apps/client/agent.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdio>
#include <optional>
#include <random>

#include "base/log.h"
#include "base/progress.h"
#include "client/disk_memory.h"
#include "tensors/threads.h"
#include "transport/zmq_client.h"

namespace lorae::apps {
namespace {

namespace asio = boost::asio;

constexpr auto kTick = std::chrono::milliseconds(100);

std::uint64_t random_nonce() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32U | device();
}

class Agent {
 public:
  explicit Agent(const AgentSettings& settings)
      : settings_(settings),
        memory_(settings.home / "backbones",
                settings.home / "clients" / (settings.options.name + ".state")),
        trainer_(settings.options.data.empty()
                     ? client::planned_share()
                     : client::own_images(settings.options.data, settings.options.partition)),
        session_(memory_, random_nonce()),
        channel_({.endpoint = settings.options.coordinator,
                  .keys = settings.identity.keys,
                  .server_public_key = settings.identity.coordinator_public_key,
                  .reconnect_low = std::chrono::milliseconds(300),
                  .reconnect_high = std::chrono::milliseconds(900)}) {}

  AgentEnd run() {
    signals_.async_wait([this](auto error, int /*signal*/) {
      if (!error) {
        end_ = AgentEnd::kInterrupted;
        io_.stop();
      }
    });
    channel_.start(
        [this](wire::Frame frame) {
          auto shared = std::make_shared<wire::Frame>(std::move(frame));
          asio::post(io_, [this, shared] {
            session_.on_frame(std::move(*shared), Clock::now());
            turn();
          });
        },
        [this](transport::LinkEvent event, const std::string& detail) {
          asio::post(io_, [this, event, detail] { on_link(event, detail); });
        });
    log_info("client.start", "name=", settings_.options.name,
             " coordinator=", settings_.options.coordinator);
    tick();
    io_.run();
    channel_.stop();
    pool_.join();
    return end_;
  }

 private:
  void on_link(transport::LinkEvent event, const std::string& detail) {
    switch (event) {
      case transport::LinkEvent::kConnected:
        log_info("link.connected", detail);
        session_.on_connected(Clock::now());
        break;
      case transport::LinkEvent::kDisconnected:
        log_warning("link.lost", detail);
        session_.on_disconnected();
        break;
      case transport::LinkEvent::kDenied:
      case transport::LinkEvent::kWrongServer:
        log_warning(event == transport::LinkEvent::kDenied ? "link.denied" : "link.wrong_server",
                    detail);
        session_.on_disconnected();
        break;
    }
    turn();
  }

  void tick() {
    session_.on_tick(Clock::now());
    turn();
    timer_.expires_after(kTick);
    timer_.async_wait([this](auto error) {
      if (!error) {
        tick();
      }
    });
  }

  /// Does what the session asks for after every event.
  void turn() {
    if (auto work = session_.take_work()) {
      train(*std::move(work));
    }
    for (wire::Frame& frame : session_.take_outgoing()) {
      channel_.send(std::move(frame));
    }
    for (const std::string& note : session_.take_notes()) {
      log_warning("session.note", note);
    }
    if (session_.take_redial()) {
      channel_.redial();
    }
    if (session_.state() == client::SessionState::kEnded) {
      const wire::ByeReason reason = session_.end().reason;
      const bool finished = reason == wire::ByeReason::kFinished;
      log_line(finished ? LogLevel::kInfo : LogLevel::kError, "session.end", session_.end().detail);
      end_ = finished                               ? AgentEnd::kFinished
             : reason == wire::ByeReason::kReplaced ? AgentEnd::kReplaced
                                                    : AgentEnd::kRefused;
      io_.stop();
    }
  }

  void train(client::Work work) {
    auto shared = std::make_shared<client::Work>(std::move(work));
    log_info("round.train", "round=", shared->key.round);
    asio::post(pool_, [this, shared] {
      use_one_thread();
      const TimePoint start = Clock::now();
      std::string failure;
      auto update = std::make_shared<client::TrainedUpdate>();
      try {
        *update = trainer_.train(*shared, memory_);
      } catch (const std::exception& error) {  // reported to the coordinator; the client lives on
        failure = error.what();
      }
      asio::post(io_, [this, shared, update, failure, start] {
        if (failure.empty()) {
          log_info("round.trained", "round=", shared->key.round, " images=", update->num_examples,
                   " loss=", update->train_loss, " seconds=", seconds(Clock::now() - start),
                   " update=", human_bytes(static_cast<double>(update->payload.size())));
          session_.on_trained(shared->key, std::move(*update), Clock::now());
        } else {
          log_line(LogLevel::kError, "round.failed",
                   str("round=", shared->key.round, ' ', failure));
          session_.on_failed(shared->key, failure, Clock::now());
        }
        turn();
      });
    });
  }

  AgentSettings settings_;
  client::DiskMemory memory_;
  client::Trainer trainer_;
  client::Session session_;
  asio::io_context io_{1};
  asio::thread_pool pool_{1};
  asio::signal_set signals_{io_, SIGINT, SIGTERM};
  asio::steady_timer timer_{io_};
  transport::ZmqClient channel_;
  AgentEnd end_ = AgentEnd::kInterrupted;
};

}  // namespace

AgentEnd run_agent(const AgentSettings& settings) {
  return Agent(settings).run();
}

}  // namespace lorae::apps
