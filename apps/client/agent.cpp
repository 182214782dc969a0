#include "apps/client/agent.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>

#include "apps/common/random_number.h"
#include "base/log.h"
#include "base/text.h"
#include "client/disk_memory.h"
#include "client/kept_model.h"
#include "client/local_round.h"
#include "codec/chain.h"
#include "tensors/threads.h"
#include "transport/zmq_client.h"

namespace lorae::apps {
namespace {

namespace asio = boost::asio;

constexpr auto kTick = std::chrono::milliseconds(100);
constexpr auto kGoodbye = std::chrono::milliseconds(300);  // for the last frames to leave
constexpr int kInterrupted = 130;
constexpr int kReplaced = 75;

client::ImageSource images_of(const ClientOptions& options) {
  return options.data.empty()
             ? client::planned_share()
             : client::own_images(options.data, options.partition, options.class_map);
}

int status_of(wire::ByeReason reason) {
  switch (reason) {
    case wire::ByeReason::kFinished:
      return 0;
    case wire::ByeReason::kReplaced:
      return kReplaced;
    case wire::ByeReason::kNoShare:
      return exit_status(ErrorCode::kInvalidConfig);
    default:
      return exit_status(ErrorCode::kIncompatible);
  }
}

class Agent {
 public:
  explicit Agent(const AgentSettings& settings)
      : settings_(settings),
        images_(images_of(settings.options)),
        memory_(settings.home / "backbones",
                settings.home / "clients" / (settings.options.name + ".state")),
        local_round_(images_, open_device(settings.options.compute)),
        session_(memory_,
                 random_number(),
                 {.codecs = join(codec::known_stages(), ","),
                  .rank_max = settings.options.rank_max,
                  .own_data = !settings.options.data.empty(),
                  .keep_model = true}),
        channel_({.endpoint = settings.options.coordinator,
                  .keys = settings.identity.keys,
                  .server_public_key = settings.identity.coordinator_public_key,
                  .reconnect_low = std::chrono::milliseconds(300),
                  .reconnect_high = std::chrono::milliseconds(900)}) {}

  int run() {
    signals_.async_wait([this](auto error, int /*signal*/) {
      if (!error) {
        log_info("client.stop", "by a signal; the same command goes on, and sends what is trained");
        status_ = kInterrupted;
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
    signals_.cancel();
    signals_.clear();  // a second Ctrl-C does not wait for the training
    pool_.join();
    io_.restart();
    io_.poll();  // what was trained meanwhile is kept for the next start
    channel_.stop();
    if (failure_) {
      std::rethrow_exception(failure_);
    }
    return status_;
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
    if (auto plan = session_.take_plan()) {
      look_into(*std::move(plan));
    }
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
    if (session_.state() == client::SessionState::kEnded && !failure_ && !ending_) {
      ending_ = true;
      const wire::ByeReason reason = session_.end().reason;
      log_line(reason == wire::ByeReason::kFinished ? LogLevel::kInfo : LogLevel::kError,
               "session.end", session_.end().detail);
      status_ = status_of(reason);
      if (auto model = session_.take_model()) {
        keep(*std::move(model));
      } else {
        stop_soon();
      }
    }
  }

  std::filesystem::path model_folder() const {
    return std::filesystem::absolute(settings_.home) / "models" / settings_.options.name;
  }

  /// On the training thread: the global state of `work` for whoever predicts on this device.
  void write_model(const client::Work& work, RoundId version) {
    client::keep_model(model_folder(), local_round_.adapter_of(work, version, memory_),
                       memory_.backbone_path(work.backbone));
  }

  /// The same for the state that a round starts from. Training does not depend on it.
  void write_newer_model(const client::Work& work) {
    const RoundId version{work.key.round.value - 1};
    if (version == RoundId{0}) {
      return;  // nothing was learned yet
    }
    try {
      write_model(work, version);
    } catch (const client::BackboneLost&) {
      throw;
    } catch (const Error& error) {
      log_warning("model.lost", error.what());
    }
  }

  /// The last global state, as files for `lorae predict` and `lorae val`.
  void keep(client::Work given) {
    auto model = std::make_shared<client::Work>(std::move(given));
    on_training_thread([this, model] { write_model(*model, model->key.round); },
                       [this, model] {
                         const std::string folder = model_folder().string();
                         log_info("model.kept", "round=", model->key.round, " folder=", folder,
                                  " use it with: lorae predict PICTURE --run ", folder);
                         stop_soon();
                       },
                       [this](const std::exception_ptr& /*failure*/, const std::string& why) {
                         log_warning("model.lost",
                                     why.empty() ? "the backbone on the disk is damaged" : why);
                         stop_soon();
                       });
  }

  /// Lets the last frames leave first.
  void stop_soon() {
    goodbye_.expires_after(kGoodbye);
    goodbye_.async_wait([this](auto) { io_.stop(); });
  }

  /// Runs `work` on the training thread and `then` on the loop's; a failure of `work` ends the
  /// client if it is a person's to mend, else goes to `declined`.
  template <typename Work, typename Then, typename Declined>
  void on_training_thread(Work work, Then then, Declined declined) {
    asio::post(pool_, [this, work, then, declined] {
      use_one_thread();
      std::exception_ptr failure;
      std::string why;
      bool fatal = false;
      try {
        work();
      } catch (const client::BackboneLost&) {
        failure = std::current_exception();
      } catch (const Error& error) {
        failure = std::current_exception();
        why = error.what();
        fatal =
            error.code() == ErrorCode::kInvalidConfig || error.code() == ErrorCode::kUnavailable;
      } catch (const std::exception& error) {
        failure = std::current_exception();
        why = error.what();
      }
      asio::post(io_, [=, this] {
        if (!failure) {
          then();
        } else if (fatal) {
          end_by(failure, why);
        } else {
          declined(failure, why);
        }
        turn();
      });
    });
  }

  /// The images against the plan, at once and not in the first round: what is wrong with them is
  /// told to the person who started this client.
  void look_into(std::string text) {
    training::ParsedPlan parsed;
    try {
      parsed = training::parse_plan(text);
    } catch (const Error& error) {  // of a newer coordinator
      end_by(std::current_exception(), error.what());
      return;
    }
    for (const std::string& key : parsed.unknown) {
      log_warning("plan.unknown_key", key, ": this client does not know it; is it older?");
    }
    if (settings_.options.data.empty()) {
      return;
    }
    on_training_thread([this, plan = parsed.plan] { images_(plan, {}); }, [] {},
                       [this](const std::exception_ptr& failure, const std::string& why) {
                         end_by(failure, why);
                       });
  }

  /// Ends the client by an error, after telling the coordinator not to wait.
  void end_by(std::exception_ptr failure, const std::string& why) {
    if (failure_) {
      return;
    }
    failure_ = std::move(failure);
    session_.leave(why);
    stop_soon();
  }

  void train(client::Work given) {
    auto work = std::make_shared<client::Work>(std::move(given));
    auto update = std::make_shared<client::TrainedUpdate>();
    const TimePoint start = Clock::now();
    log_info("round.train", "round=", work->key.round);
    on_training_thread(
        [this, work, update] {
          write_newer_model(*work);
          *update = local_round_.train(*work, memory_);
        },
        [this, work, update, start] {
          log_info("round.trained", "round=", work->key.round, " images=", update->num_examples,
                   " loss=", update->metrics.find("loss/train").value_or(0),
                   " seconds=", seconds(Clock::now() - start),
                   " update=", human_bytes(static_cast<double>(update->payload.size())));
          session_.on_trained(work->key, std::move(*update), Clock::now());
        },
        [this, work](const std::exception_ptr& /*failure*/, const std::string& why) {
          if (why.empty()) {
            log_warning("backbone.lost", "the copy on the disk is damaged; fetching it again");
            session_.on_backbone_lost(Clock::now());
            return;
          }
          log_line(LogLevel::kError, "round.failed",
                   log_details("round=", work->key.round, ' ', why));
          session_.on_failed(work->key, why, Clock::now());
        });
  }

  AgentSettings settings_;
  client::ImageSource images_;
  client::DiskMemory memory_;
  client::LocalRound local_round_;
  client::Session session_;
  asio::io_context io_{1};
  asio::thread_pool pool_{1};
  asio::signal_set signals_{io_, SIGINT, SIGTERM};
  asio::steady_timer timer_{io_};
  asio::steady_timer goodbye_{io_};
  transport::ZmqClient channel_;
  std::exception_ptr failure_;
  int status_ = kInterrupted;
  bool ending_ = false;
};

}  // namespace

int run_agent(const AgentSettings& settings) {
  return Agent(settings).run();
}

}  // namespace lorae::apps
