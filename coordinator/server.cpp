#include "coordinator/server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <deque>
#include <exception>
#include <mutex>

#include "coordinator/coordinator.h"

namespace lorae::coordinator {
namespace {

namespace asio = boost::asio;

constexpr auto kTick = std::chrono::milliseconds(100);
constexpr std::size_t kBatch = 256;  // frames handled before durable writes and answers
// Of frames that wait; then the newest are dropped, and their clients ask again.
constexpr std::size_t kMostWaiting = 64U << 20U;
constexpr auto kGoodbye = std::chrono::milliseconds(300);  // for the last frames to leave
// For all clients to have heard of the end, from the last piece of the last global state on; and
// all together.
constexpr auto kLastWords = std::chrono::seconds(3);
constexpr auto kLongestGoodbye = std::chrono::minutes(10);

}  // namespace

class Server::Loop {
 public:
  Loop(Coordinator& coordinator, transport::ZmqServer& socket)
      : coordinator_(coordinator), socket_(socket) {}

  void post(std::function<void(Coordinator&)> work) {
    asio::post(io_, [this, work = std::move(work)] { guarded([&] { work(coordinator_); }); });
  }

  ServerEnd run() {
    wait_for_signal();
    socket_.start(
        [this](transport::ConnectionId connection, const ClientId& client, wire::Frame frame) {
          enqueue({connection, client, std::move(frame)});
        });
    try {
      tick();
      io_.run();
    } catch (...) {
      failure_ = std::current_exception();
    }
    socket_.stop();  // its thread calls us until then
    if (failure_) {
      std::rethrow_exception(failure_);
    }
    return end_;
  }

 private:
  struct Arrival {
    transport::ConnectionId connection;
    ClientId client;
    wire::Frame frame;
  };

  void enqueue(Arrival arrival) {  // on the socket's thread
    const std::lock_guard lock(mutex_);
    if (waiting_bytes_ + arrival.frame.size() > kMostWaiting) {
      return;
    }
    waiting_bytes_ += arrival.frame.size();
    arrivals_.push_back(std::move(arrival));
    if (arrivals_.size() == 1) {
      asio::post(io_, [this] { drain(); });
    }
  }

  void drain() {
    std::deque<Arrival> batch;
    {
      const std::lock_guard lock(mutex_);
      batch.swap(arrivals_);
      waiting_bytes_ = 0;
    }
    if (ending_) {
      for (Arrival& arrival : batch) {
        if (coordinator_.on_frame_after_bye(arrival.connection, arrival.client,
                                            std::move(arrival.frame), Clock::now())) {
          latest_ = std::min(Clock::now() + kLastWords, longest_);
        }
      }
      return;
    }
    guarded([&] {
      std::size_t handled = 0;
      for (Arrival& arrival : batch) {
        coordinator_.on_frame(arrival.connection, arrival.client, std::move(arrival.frame),
                              Clock::now());
        if (++handled % kBatch == 0) {
          coordinator_.advance(Clock::now());
        }
      }
      coordinator_.advance(Clock::now());
    });
  }

  void tick() {
    guarded([&] { coordinator_.advance(Clock::now()); });
    if (ending_) {
      return;
    }
    timer_.expires_after(kTick);
    timer_.async_wait([this](auto error) {
      if (!error) {
        tick();
      }
    });
  }

  /// Runs a piece of the coordinator's work; ends the server when it is done or broken.
  template <typename Work>
  void guarded(Work work) {
    if (ending_) {
      return;
    }
    try {
      work();
      if (coordinator_.finished()) {
        end(ServerEnd::kFinished);
      }
    } catch (const std::exception&) {
      failure_ = std::current_exception();
      end(ServerEnd::kInterrupted);
    }
  }

  void end(ServerEnd how) {
    ending_ = true;
    end_ = how;
    timer_.cancel();
    if (!failure_) {
      coordinator_.say_bye(how == ServerEnd::kFinished);
    }
    latest_ = Clock::now() + kLastWords;
    longest_ = Clock::now() + kLongestGoodbye;
    leave_when_heard();
  }

  /// A client that has heard of the end says so, as soon as it has the last global state; one that
  /// has not asks on, and is told again.
  void leave_when_heard() {
    goodbye_.expires_after(kGoodbye);
    goodbye_.async_wait([this](auto) {
      if (failure_ || end_ != ServerEnd::kFinished || coordinator_.is_alone() ||
          Clock::now() >= latest_) {
        if (!failure_) {
          coordinator_.write_traffic();
        }
        io_.stop();
      } else {
        leave_when_heard();
      }
    });
  }

  void wait_for_signal() {
    signals_.async_wait([this](auto error, int /*signal*/) {
      if (!error && !ending_) {
        end(ServerEnd::kInterrupted);
      }
    });
  }

  Coordinator& coordinator_;
  transport::ZmqServer& socket_;
  asio::io_context io_{1};
  asio::signal_set signals_{io_, SIGINT, SIGTERM};
  asio::steady_timer timer_{io_};
  asio::steady_timer goodbye_{io_};
  std::mutex mutex_;
  std::deque<Arrival> arrivals_;   // guarded by mutex_
  std::size_t waiting_bytes_ = 0;  // likewise
  bool ending_ = false;
  TimePoint latest_;   // when ending_: to leave, whoever is still here
  TimePoint longest_;  // likewise, whatever they fetch
  ServerEnd end_ = ServerEnd::kInterrupted;
  std::exception_ptr failure_;
};

Server::Server(Coordinator& coordinator, transport::ZmqServer& socket)
    : loop_(std::make_unique<Loop>(coordinator, socket)) {}
Server::~Server() = default;

ServerEnd Server::run() {
  return loop_->run();
}

void Server::post(std::function<void(Coordinator&)> work) {
  loop_->post(std::move(work));
}

}  // namespace lorae::coordinator
