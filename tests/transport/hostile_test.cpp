// Peers that send what no peer of ours would.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "base/seed.h"
#include "tests/transport/helpers.h"
#include "transport/socket.h"

namespace lorae::transport {
namespace {

/// A bare socket with an enrolled key.
zmq::socket_t enrolled_dealer(const std::string& endpoint,
                              const std::string& server_public_key,
                              const KeyPair& keys,
                              const std::string& route = {}) {
  zmq::socket_t dealer = make_socket(zmq::socket_type::dealer);
  dealer.set(zmq::sockopt::sndtimeo, 20'000);
  if (!route.empty()) {
    dealer.set(zmq::sockopt::routing_id, route);
  }
  set_client_keys(dealer, keys, server_public_key);
  dealer.connect(endpoint);
  return dealer;
}
zmq::socket_t enrolled_dealer(EchoServer& server,
                              const KeyPair& keys,
                              const std::string& route = {}) {
  return enrolled_dealer(server->endpoint(), server.keys().public_key, keys, route);
}

bool send_parts(zmq::socket_t& dealer, int parts, std::string_view bytes) {
  for (int i = 1; i <= parts; ++i) {
    const auto flags = i < parts ? zmq::send_flags::sndmore : zmq::send_flags::none;
    if (!dealer.send(zmq::buffer(bytes), flags)) {
      return false;
    }
  }
  return true;
}

std::string random_bytes(Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) {
    byte = static_cast<char>(random.below(256));
  }
  return bytes;
}

/// A TCP connection that knows nothing of ZeroMQ.
class TcpPeer {
 public:
  explicit TcpPeer(const std::string& endpoint) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~TcpPeer() { ::close(socket_); }
  TcpPeer(const TcpPeer&) = delete;
  TcpPeer& operator=(const TcpPeer&) = delete;

  void send(const std::string& bytes) { ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }

 private:
  int socket_;
};

TEST(Hostile, JunkOnThePortDisturbsNobody) {
  Enrolled enrolled({"a"});
  EchoServer server(enrolled.registry);
  TestClient client(server, enrolled.keys["a"]);
  ASSERT_TRUE(client.connected());
  Random random(1);
  const std::string greeting = "\xff" + std::string(8, '\0') + "\x7f\x03";
  std::vector<std::unique_ptr<TcpPeer>> peers;
  for (std::size_t i = 0; i < 60; ++i) {
    peers.push_back(std::make_unique<TcpPeer>(server->endpoint()));
    peers.back()->send(i % 3 == 0 ? "GET / HTTP/1.1\r\n\r\n" : i % 3 == 1 ? greeting : "");
    peers.back()->send(random_bytes(random, i * 50));
  }

  EXPECT_TRUE(client.echoes(frame_of("x")));
  TestClient late(server, enrolled.keys["a"]);
  EXPECT_TRUE(late.connected()) << "new clients get in too";
  EXPECT_TRUE(late.echoes(frame_of("y")));
  EXPECT_EQ(server->counters().frames_in, 2U);
}

TEST(Hostile, AFloodFromOneClientDoesNotDisturbAnother) {
  constexpr std::uint64_t kFrames = 100'000;
  constexpr std::uint64_t kEchoes = 100;
  Enrolled enrolled({"honest", "hostile"});
  Mailbox<wire::Frame> received;
  ZmqServerOptions options;
  options.endpoint = "tcp://127.0.0.1:*";
  options.keys = generate_keys();
  options.registry = enrolled.registry;
  ZmqServer server(options);
  server.start([&](ConnectionId from, const ClientId& client, wire::Frame frame) {
    if (client.name == "honest") {
      server.send(from, std::move(frame));
    }
  });
  TestClient honest(quick(server.endpoint(), enrolled.keys["honest"], options.keys.public_key));
  ASSERT_TRUE(honest.connected());

  std::thread flood([&] {
    zmq::socket_t dealer =
        enrolled_dealer(server.endpoint(), options.keys.public_key, enrolled.keys["hostile"]);
    Random random(2);
    const std::string bytes = random_bytes(random, 4096);
    for (std::uint64_t i = 0; i < kFrames; ++i) {
      const auto parts = static_cast<int>(1 + random.below(4));
      const std::size_t start = random.below(4000);
      EXPECT_TRUE(
          send_parts(dealer, parts, std::string_view(bytes).substr(start, random.below(64))));
    }
    EXPECT_TRUE(eventually([&] {
      const ServerCounters c = server.counters();
      return c.frames_in + c.malformed == kFrames + kEchoes;
    }));
  });
  for (std::uint64_t i = 0; i < kEchoes; ++i) {
    EXPECT_TRUE(honest.echoes(frame_of(str("echo ", i), std::string(1000, 'x'))));
  }
  flood.join();

  const ServerCounters counters = server.counters();
  EXPECT_GT(counters.malformed, kFrames / 3);
  EXPECT_EQ(counters.dropped, 0U);
  server.stop();
}

TEST(Hostile, MessagesOfMoreThanTwoPartsAreDropped) {
  Enrolled enrolled({"a"});
  EchoServer server(enrolled.registry);
  zmq::socket_t dealer = enrolled_dealer(server, enrolled.keys["a"]);

  EXPECT_TRUE(send_parts(dealer, 3, "x"));
  EXPECT_TRUE(send_parts(dealer, 50'000, ""));
  EXPECT_TRUE(send_parts(dealer, 2, "good"));

  const auto frame = server.received.next();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->frame, frame_of("good", "good"));
  EXPECT_EQ(server->counters().malformed, 2U);
}

TEST(Hostile, AChosenRoutingIdIsNotServed) {
  Enrolled enrolled({"a"});
  EchoServer server(enrolled.registry);
  zmq::socket_t dealer = enrolled_dealer(server, enrolled.keys["a"], "chosen");

  EXPECT_TRUE(send_parts(dealer, 1, "x"));

  EXPECT_TRUE(eventually([&] { return server->counters().malformed == 1; }));
  EXPECT_TRUE(server.received.empty());
}

TEST(Hostile, AnOversizedFrameCostsItsSenderTheConnection) {
  Enrolled enrolled({"a"});
  EchoServer server(enrolled.registry);
  TestClient client(server, enrolled.keys["a"]);
  ASSERT_TRUE(client.connected());

  client->send(frame_of("big", std::string(400'000, 'x')));

  EXPECT_NE(client.wait_for(LinkEvent::kDisconnected), "");
  ASSERT_TRUE(client.connected());
  EXPECT_TRUE(client.echoes(frame_of("small")));
  EXPECT_EQ(server->counters().frames_in, 1U);
}

TEST(Hostile, AServerThatFloodsItsClientIsDroppedTo) {
  Enrolled enrolled({"a"});
  ZmqServerOptions options;
  options.max_queued_bytes = 10'000;
  EchoServer server(enrolled.registry, options);
  TestClient client(server, enrolled.keys["a"]);
  ASSERT_TRUE(client.connected());
  ASSERT_TRUE(client.echoes(frame_of("x")));
  const ConnectionId connection = server.received.next()->from;

  for (int i = 0; i < 1'000; ++i) {
    server->send(connection, frame_of("y", std::string(9'000, 'z')));
  }

  const auto handled = [&] {
    return server->counters().dropped + server->counters().frames_out == 1'001;
  };
  EXPECT_TRUE(eventually(handled));
  EXPECT_GT(server->counters().dropped, 0U);
  // A reply to a client that has not read yet may be dropped like the others.
  const std::uint64_t sent = server->counters().frames_out;
  for (std::uint64_t i = 1; i < sent; ++i) {
    ASSERT_TRUE(client.received.next().has_value()) << i << " of " << sent;
  }
  EXPECT_TRUE(client.echoes(frame_of("still here")));
}

}  // namespace
}  // namespace lorae::transport
