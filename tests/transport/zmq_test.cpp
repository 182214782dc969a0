// A server and honest clients over loopback TCP.
#include <gtest/gtest.h>

#include <thread>

#include "tests/transport/helpers.h"

namespace lorae::transport {
namespace {

TEST(Zmq, EchoesFramesWithTheIdentityOfTheirSender) {
  Enrolled enrolled({"a", "b"});
  EchoServer server(enrolled.registry);
  TestClient a(server, enrolled.keys["a"]);
  TestClient b(server, enrolled.keys["b"]);
  ASSERT_TRUE(a.connected());
  ASSERT_TRUE(b.connected());

  EXPECT_TRUE(a.echoes(frame_of("from a")));
  EXPECT_TRUE(b.echoes(frame_of("from b", "with a body")));
  EXPECT_TRUE(b.echoes(frame_of("")));

  const auto first = server.received.next();
  const auto second = server.received.next();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->client, ClientId{"a"});
  EXPECT_EQ(second->client, ClientId{"b"});
  EXPECT_NE(first->from, second->from);
  const ServerCounters counters = server->counters();
  EXPECT_EQ(counters.frames_in, 3U);
  EXPECT_EQ(counters.bytes_in, 6U + 6U + 11U);
  EXPECT_EQ(counters.bytes_out, counters.bytes_in);
  EXPECT_EQ(counters.dropped + counters.malformed + counters.unauthenticated, 0U);
  EXPECT_EQ(b->counters().bytes_in, 6U + 11U);
}

TEST(Zmq, CarriesAWholeChunk) {
  Enrolled enrolled({"a"});
  EchoServer server(enrolled.registry);
  TestClient client(server, enrolled.keys["a"]);
  ASSERT_TRUE(client.connected());
  wire::Frame frame = frame_of("chunk");
  frame.body.resize(256 * 1024);
  for (std::size_t i = 0; i < frame.body.size(); ++i) {
    frame.body[i] = static_cast<std::byte>(i * 31 >> 3);
  }

  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(client.echoes(frame));
  }
}

TEST(Zmq, ServesTwoHundredClients) {
  std::vector<std::string> names(200);
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = str("client-", i);
  }
  Enrolled enrolled(names);
  EchoServer server(enrolled.registry);
  std::vector<std::unique_ptr<TestClient>> clients;
  for (const std::string& name : names) {
    clients.push_back(std::make_unique<TestClient>(server, enrolled.keys[name]));
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    ASSERT_TRUE(clients[i]->connected()) << i;
    (*clients[i])->send(frame_of(names[i], std::string(10'000, 'x')));
  }

  for (std::size_t i = 0; i < clients.size(); ++i) {
    const auto frame = clients[i]->received.next();
    ASSERT_TRUE(frame) << i;
    EXPECT_EQ(head_of(*frame), names[i]);
  }
}

TEST(Zmq, AFrameSentInTheConnectedCallbackArrives) {
  Enrolled enrolled({"a"});
  EchoServer server(enrolled.registry);
  for (int i = 0; i < 20; ++i) {
    Mailbox<wire::Frame> received;
    ZmqClient client(quick(server->endpoint(), enrolled.keys["a"], server.keys().public_key));
    client.start([&](wire::Frame frame) { received.put(std::move(frame)); },
                 [&](LinkEvent event, const std::string&) {
                   if (event == LinkEvent::kConnected) {
                     client.send(frame_of("hello"));
                   }
                 });
    ASSERT_TRUE(received.next()) << i;
    client.stop();
  }
}

TEST(Zmq, AWildcardPortIsReported) {
  for (const char* const endpoint : {"tcp://127.0.0.1:*", "tcp://127.0.0.1:0"}) {
    ZmqServer server(
        {.endpoint = endpoint, .keys = generate_keys(), .registry = {}, .on_denied = {}});

    EXPECT_TRUE(server.endpoint().starts_with("tcp://127.0.0.1:")) << server.endpoint();
    EXPECT_NE(server.endpoint(), endpoint);
  }
}

TEST(Zmq, APortInUseIsExplained) {
  EchoServer first({});
  ZmqServerOptions options;
  options.keys = generate_keys();
  options.endpoint = first->endpoint();

  EXPECT_EQ(error_of([&] { ZmqServer second(options); }, ErrorCode::kUnavailable),
            str("[transport] cannot listen on ", first->endpoint(),
                ": address already in use; is another coordinator running? choose another port "
                "with --bind"));
}

TEST(Zmq, BadOptionsAreAPersonsMistake) {
  const KeyPair keys = generate_keys();
  const auto server = [&](const std::string& endpoint, const KeyPair& pair) {
    ZmqServerOptions options;
    options.endpoint = endpoint;
    options.keys = pair;
    return error_of([&] { ZmqServer made(options); }, ErrorCode::kInvalidConfig);
  };
  const auto client = [&](const std::string& endpoint, const std::string& key) {
    return error_of([&] { ZmqClient made(quick(endpoint, keys, key)); }, ErrorCode::kInvalidConfig);
  };

  EXPECT_TRUE(server("127.0.0.1:7227", keys).starts_with("[transport] endpoint"));
  EXPECT_TRUE(server("tcp://192.0.2.1:7227", keys).starts_with("[transport] cannot listen"));
  EXPECT_TRUE(server("tcp://no-such-name:7227", keys).starts_with("[transport] cannot listen"));
  EXPECT_TRUE(server("tcp://127.0.0.1:*", {}).starts_with("[transport] the coordinator's"));
  EXPECT_TRUE(client("tcp://127.0.0.1:*", keys.public_key).starts_with("[transport] endpoint"));
  EXPECT_TRUE(client("tcp://127.0.0.1:1", "abc").starts_with("[transport] the coordinator's"));
}

TEST(Zmq, StopsQuicklyWithConnectedPeersAndCanComeBack) {
  std::vector<std::string> names;
  for (int i = 0; i < 20; ++i) {
    names.push_back(str("client-", i));
  }
  Enrolled enrolled(names);
  ZmqServerOptions options;
  options.keys = generate_keys();
  auto server = std::make_unique<EchoServer>(enrolled.registry, options);
  options.endpoint = (*server)->endpoint();
  std::vector<std::unique_ptr<TestClient>> clients;
  for (const std::string& name : names) {
    clients.push_back(std::make_unique<TestClient>(*server, enrolled.keys[name]));
    ASSERT_TRUE(clients.back()->connected());
  }

  const TimePoint before = Clock::now();
  server.reset();
  EXPECT_LT(Clock::now() - before, std::chrono::seconds(2));

  for (const auto& client : clients) {
    EXPECT_NE(client->wait_for(LinkEvent::kDisconnected), "");
  }
  server = std::make_unique<EchoServer>(enrolled.registry, options);
  for (const auto& client : clients) {
    ASSERT_TRUE(client->connected());
    EXPECT_TRUE(client->echoes(frame_of("again")));
  }
}

TEST(Zmq, ASecondStopIsHarmless) {
  Enrolled enrolled({"a"});
  EchoServer server(enrolled.registry);
  TestClient client(server, enrolled.keys["a"]);

  client->stop();
  client->stop();
  server->stop();
  server->stop();
  server->send(ConnectionId{1}, frame_of("into the void"));
  client->send(frame_of("into the void"));
}

TEST(Zmq, AnUnreachableCoordinatorIsReported) {
  const KeyPair keys = generate_keys();
  std::string endpoint;
  {
    EchoServer gone({});
    endpoint = gone->endpoint();
  }
  TestClient client(quick(endpoint, keys, keys.public_key));
  client->send(frame_of("nobody hears"));

  EXPECT_NE(client.wait_for(LinkEvent::kDisconnected).find("cannot reach the coordinator"),
            std::string::npos);
  EXPECT_TRUE(eventually([&] { return client->counters().dropped == 1; }));
}

TEST(Zmq, FramesToAPeerThatLeftAreDropped) {
  Enrolled enrolled({"a"});
  EchoServer server(enrolled.registry);
  ConnectionId gone;
  {
    TestClient client(server, enrolled.keys["a"]);
    ASSERT_TRUE(client.connected());
    ASSERT_TRUE(client.echoes(frame_of("x")));
    gone = server.received.next()->from;
  }
  EXPECT_TRUE(eventually([&] {
    server->send(gone, frame_of("too late"));
    return server->counters().dropped > 0;
  }));
  EXPECT_EQ(server->counters().frames_in, 1U);
}

TEST(Zmq, ManyThreadsMaySend) {
  Enrolled enrolled({"a"});
  EchoServer server(enrolled.registry);
  TestClient client(server, enrolled.keys["a"]);
  ASSERT_TRUE(client.connected());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 200; ++j) {
        client->send(frame_of("x"));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  const auto sent = [&] { return client->counters().frames_out + client->counters().dropped; };

  EXPECT_TRUE(eventually([&] { return sent() == 800; }));
  EXPECT_TRUE(
      eventually([&] { return server->counters().frames_in == client->counters().frames_out; }));
}

}  // namespace
}  // namespace lorae::transport
