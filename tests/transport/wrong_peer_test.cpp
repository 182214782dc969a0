// What a client says of a peer that is no coordinator.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "tests/transport/helpers.h"

namespace lorae::transport {
namespace {

using namespace std::string_literals;

constexpr auto kToldWithin = std::chrono::seconds(10);

/// A server of another kind on loopback, on a thread of its own.
class OtherServer {
 public:
  /// `greeting`: sent to whoever connects. `answer`: sent when the peer has sent something, and
  /// then the connection is closed; empty: it stays open and silent.
  OtherServer(std::string greeting, std::string answer)
      : greeting_(std::move(greeting)),
        answer_(std::move(answer)),
        listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~OtherServer() {
    ::shutdown(listener_, SHUT_RDWR);  // ends accept
    thread_.join();
    for (const int peer : open_) {
      ::close(peer);
    }
    ::close(listener_);
  }
  OtherServer(const OtherServer&) = delete;
  OtherServer& operator=(const OtherServer&) = delete;

  std::string endpoint() const { return str("tcp://127.0.0.1:", port_); }

 private:
  void serve() {
    for (int peer = 0; (peer = ::accept(listener_, nullptr, nullptr)) >= 0;) {
      ::send(peer, greeting_.data(), greeting_.size(), MSG_NOSIGNAL);
      if (answer_.empty()) {
        open_.push_back(peer);
        continue;
      }
      std::array<char, 256> request{};
      [[maybe_unused]] const ssize_t got = ::recv(peer, request.data(), request.size(), 0);
      ::send(peer, answer_.data(), answer_.size(), MSG_NOSIGNAL);
      ::close(peer);
    }
  }

  std::string greeting_, answer_;
  int listener_;
  int port_ = 0;
  std::vector<int> open_;
  std::thread thread_;
};

struct Told {
  LinkEvent event;
  std::string detail;
};

/// A client that dials such a server.
class Dialling {
 public:
  explicit Dialling(const std::string& endpoint)
      : client_({.endpoint = endpoint,
                 .keys = generate_keys(),
                 .server_public_key = generate_keys().public_key,
                 .reconnect_low = std::chrono::milliseconds(300),
                 .reconnect_high = std::chrono::milliseconds(900)}) {
    client_.start([this](wire::Frame frame) { frames.put(std::move(frame)); },
                  [this](LinkEvent event, const std::string& detail) {
                    told.put({event, detail});
                  });
  }
  ~Dialling() { client_.stop(); }
  Dialling(const Dialling&) = delete;
  Dialling& operator=(const Dialling&) = delete;

  ZmqClient& operator*() { return client_; }

  Mailbox<Told> told;
  Mailbox<wire::Frame> frames;

 private:
  ZmqClient client_;
};

void expect_told(const std::string& greeting, const std::string& answer) {
  const OtherServer server(greeting, answer);
  const TimePoint start = Clock::now();
  Dialling client(server.endpoint());

  const auto told = client.told.next();

  ASSERT_TRUE(told) << "silence";
  EXPECT_LT(Clock::now() - start, kToldWithin);
  EXPECT_EQ(told->event, LinkEvent::kWrongServer) << told->detail;
  EXPECT_NE(told->detail.find("LoRAE coordinator"), std::string::npos) << told->detail;
  EXPECT_NE(told->detail.find("check the address and the port"), std::string::npos) << told->detail;
}

TEST(WrongPeer, ThatWaitsInSilenceIsToldSoon) {
  expect_told("", "");
}

TEST(WrongPeer, ThatSpeaksSshIsToldSoon) {
  expect_told("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "");
}

TEST(WrongPeer, ThatSpeaksHttpIsToldSoon) {
  expect_told("", "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

TEST(WrongPeer, ThatHangsUpAtOnceIsToldSoon) {
  expect_told("", "\n");
}

TEST(WrongPeer, ThatGreetsAndHangsUpIsToldSoon) {
  expect_told("220 mail.example.org ESMTP\r\n", "500 unrecognised\r\n");
}

// Before versions and keys, ZeroMQ's peers sent frames at once: an identity, then messages.
TEST(WrongPeer, OfAnOldZeroMqIsNotListenedTo) {
  const OtherServer server("\x01\x00\x06\x00hello"s, "");
  Dialling client(server.endpoint());

  EXPECT_TRUE(client.told.next()) << "silence";
  EXPECT_TRUE(client.frames.empty()) << "what came was taken for a coordinator's";
  EXPECT_EQ((*client).counters().frames_in, 0U);
}

}  // namespace
}  // namespace lorae::transport
