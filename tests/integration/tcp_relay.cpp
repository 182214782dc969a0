#include "tests/integration/tcp_relay.h"

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <thread>

namespace lorae::test {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

/// One direction of one connection: read some, write all, again.
struct Pipe : std::enable_shared_from_this<Pipe> {
  std::shared_ptr<tcp::socket> from, to;
  std::atomic<std::uint64_t>& count;
  std::array<char, 65536> buffer{};

  Pipe(std::shared_ptr<tcp::socket> source,
       std::shared_ptr<tcp::socket> target,
       std::atomic<std::uint64_t>& counter)
      : from(std::move(source)), to(std::move(target)), count(counter) {}

  void run() {
    from->async_read_some(asio::buffer(buffer), [self = shared_from_this()](auto error, auto size) {
      if (error) {
        boost::system::error_code ignored;
        self->to->shutdown(tcp::socket::shutdown_send, ignored);
        return;
      }
      self->count += size;
      asio::async_write(*self->to, asio::buffer(self->buffer, size), [self](auto failed, auto) {
        if (!failed) {
          self->run();
        }
      });
    });
  }
};

}  // namespace

struct TcpRelay::State {
  asio::io_context io{1};
  tcp::acceptor acceptor{io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  tcp::endpoint target;
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> up{0};
  std::atomic<std::uint64_t> down{0};
  std::thread thread;

  void accept() {
    auto client = std::make_shared<tcp::socket>(io);
    acceptor.async_accept(*client, [this, client](auto error) {
      if (error) {
        return;
      }
      auto server = std::make_shared<tcp::socket>(io);
      boost::system::error_code refused;
      server->connect(target, refused);
      if (!refused) {
        ++connections;
        std::make_shared<Pipe>(client, server, up)->run();
        std::make_shared<Pipe>(server, client, down)->run();
      }
      accept();
    });
  }
};

TcpRelay::TcpRelay(int target_port) : state_(std::make_unique<State>()) {
  state_->target = {asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(target_port)};
  state_->accept();
  state_->thread = std::thread([this] { state_->io.run(); });
}

TcpRelay::~TcpRelay() {
  state_->io.stop();
  state_->thread.join();
}

int TcpRelay::port() const {
  return state_->acceptor.local_endpoint().port();
}
std::uint64_t TcpRelay::connections() const {
  return state_->connections;
}
std::uint64_t TcpRelay::bytes_to_target() const {
  return state_->up;
}
std::uint64_t TcpRelay::bytes_from_target() const {
  return state_->down;
}

}  // namespace lorae::test
