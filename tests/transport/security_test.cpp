// Who gets in, and what those learn who do not.
#include <gtest/gtest.h>
#include <zmq.h>

#include "tests/transport/helpers.h"
#include "transport/monitor.h"
#include "transport/self_test.h"
#include "transport/socket.h"

namespace lorae::transport {
namespace {

/// A bare libzmq socket, for peers that break the rules.
Socket raw_socket(int type) {
  Socket socket(type);
  for (const int option : {ZMQ_SNDTIMEO, ZMQ_RCVTIMEO}) {
    socket.set(option, 20'000, "TIMEO");
  }
  return socket;
}

/// A deliberately open server.
struct OpenServer {
  explicit OpenServer(bool curve) {
    if (curve) {
      router.set(ZMQ_CURVE_SERVER, 1, "CURVE_SERVER");
      router.set(ZMQ_CURVE_SECRETKEY, keys.secret_key, "CURVE_SECRETKEY");
      router.set(93, 1, "ZAP_ENFORCE_DOMAIN");  // without a domain: the handler is not asked
    }
    EXPECT_EQ(zmq_bind(router.get(), "tcp://127.0.0.1:*"), 0);
    char text[128];
    std::size_t size = sizeof text;
    EXPECT_EQ(zmq_getsockopt(router.get(), ZMQ_LAST_ENDPOINT, text, &size), 0);
    endpoint = text;
  }

  KeyPair keys = generate_keys();
  Socket router = raw_socket(ZMQ_ROUTER);
  std::string endpoint;
};

enum class Who { kListed, kUnlisted, kRevoked, kWrongServerKey };

struct Case {
  const char* name;
  Who who;
  LinkEvent event;
  const char* detail;
};

class Security : public testing::TestWithParam<Case> {};

TEST_P(Security, LetsInListedClientsOnly) {
  const auto& [name, who, event, detail] = GetParam();
  Enrolled enrolled({"a"});
  if (who == Who::kRevoked) {
    enrolled.registry.revoke("a");
  }
  EchoServer server(enrolled.registry);
  const KeyPair keys = who == Who::kUnlisted ? generate_keys() : enrolled.keys["a"];
  const std::string server_key =
      who == Who::kWrongServerKey ? generate_keys().public_key : server.keys().public_key;
  TestClient client(quick(server->endpoint(), keys, server_key));

  for (int attempt = 0; attempt < (event == LinkEvent::kConnected ? 1 : 3); ++attempt) {
    client->send(frame_of("let me in"));
    EXPECT_NE(client.wait_for(event).find(detail), std::string::npos);
    client->send(frame_of("let me in"));
  }

  if (event == LinkEvent::kConnected) {
    EXPECT_TRUE(client.received.next());
    return;
  }
  EXPECT_TRUE(server.received.empty());
  EXPECT_TRUE(client.received.empty());
  EXPECT_EQ(server->counters().frames_in, 0U);
  EXPECT_EQ(client->counters().frames_out, 0U);
  EXPECT_EQ(server->counters().denied > 0, event == LinkEvent::kDenied);
}

INSTANTIATE_TEST_SUITE_P(
    Matrix,
    Security,
    testing::Values(Case{"Listed", Who::kListed, LinkEvent::kConnected, "connected"},
                    Case{"Unlisted", Who::kUnlisted, LinkEvent::kDenied, "lorae enrol NAME '"},
                    Case{"Revoked", Who::kRevoked, LinkEvent::kDenied, "or it was revoked"},
                    Case{"WrongServerKey", Who::kWrongServerKey, LinkEvent::kWrongServer,
                         "does not hold the key"}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(SecurityOf, AClientWithoutAKeyIsTurnedAway) {
  EchoServer server(Enrolled({"a"}).registry);
  Socket dealer = raw_socket(ZMQ_DEALER);
  Monitor monitor(dealer);
  ASSERT_EQ(zmq_connect(dealer.get(), server->endpoint().c_str()), 0);
  zmq_send(dealer.get(), "hello", 5, ZMQ_DONTWAIT);

  int outcome = 0;
  EXPECT_TRUE(eventually([&] {
    while (const auto event = monitor.next()) {
      if (event->kind != ZMQ_EVENT_CONNECTED && outcome == 0) {
        outcome = event->kind;
      }
    }
    return outcome != 0;
  }));

  EXPECT_EQ(outcome, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
  EXPECT_EQ(server->counters().frames_in, 0U);
}

TEST(SecurityOf, AnUnencryptedServerIsAWrongOne) {
  OpenServer open(false);
  const KeyPair keys = generate_keys();
  TestClient client(quick(open.endpoint, keys, keys.public_key));

  EXPECT_NE(client.wait_for(LinkEvent::kWrongServer).find("is not a LoRAE coordinator"),
            std::string::npos);
}

TEST(SecurityOf, ARevokedClientIsHeardNoMore) {
  Enrolled enrolled({"a", "b"});
  EchoServer server(enrolled.registry);
  TestClient a(server, enrolled.keys["a"]);
  TestClient b(server, enrolled.keys["b"]);
  ASSERT_TRUE(a.connected() && b.connected());
  ASSERT_TRUE(a.echoes(frame_of("x")));
  const ConnectionId connection = server.received.next()->from;

  enrolled.registry.revoke("a");
  server->set_registry(enrolled.registry);
  for (int i = 0; i < 3; ++i) {
    a->send(frame_of("still there?"));
  }
  server->send(connection, frame_of("secret"));

  EXPECT_TRUE(eventually([&] { return server->counters().unauthenticated == 3; }));
  EXPECT_TRUE(eventually([&] { return server->counters().dropped == 1; }));
  EXPECT_TRUE(b.echoes(frame_of("y")));
  EXPECT_TRUE(a.received.empty());
  a->redial();
  EXPECT_NE(a.wait_for(LinkEvent::kDenied), "") << "a new handshake tells why";
}

TEST(SecurityOf, AClientEnrolledLateGetsInByItself) {
  Enrolled enrolled({"a"});
  EchoServer server({});
  TestClient client(server, enrolled.keys["a"]);
  ASSERT_NE(client.wait_for(LinkEvent::kDenied), "");

  server->set_registry(enrolled.registry);

  ASSERT_TRUE(client.connected());
  EXPECT_TRUE(client.echoes(frame_of("at last")));
}

TEST(SecurityOf, DenialsAreReportedWithTheKeyToEnrol) {
  const KeyPair keys = generate_keys();
  Mailbox<Denial> denials;
  ZmqServerOptions options;
  options.on_denied = [&](const Denial& denial) { denials.put(denial); };
  EchoServer server({}, options);
  TestClient client(server, keys);

  const auto denial = denials.next();

  ASSERT_TRUE(denial);
  EXPECT_EQ(denial->public_key, keys.public_key);
  EXPECT_EQ(denial->address, "127.0.0.1");
  EXPECT_GE(denial->count, 1U);
}

TEST(SecurityOf, TwoServersOfOneProcessHaveTheirOwnLists) {
  Enrolled first({"a"});
  Enrolled second({"b"});
  EchoServer one(first.registry);
  EchoServer two(second.registry);
  TestClient wrong(two, first.keys["a"]);
  TestClient right(two, second.keys["b"]);

  EXPECT_NE(wrong.wait_for(LinkEvent::kDenied), "");
  EXPECT_TRUE(right.connected());
}

TEST(SelfTest, PassesOnAServerThatAsksForKeys) {
  Enrolled enrolled({"a"});
  EchoServer server(enrolled.registry);

  refuse_if_open(server->endpoint(), server.keys().public_key);

  EXPECT_EQ(server->counters().denied, 1U);
  EXPECT_EQ(server->counters().frames_in, 0U);
}

TEST(SelfTest, CatchesAServerThatTakesAnyKey) {
  OpenServer open(true);

  const std::string error = error_of([&] { refuse_if_open(open.endpoint, open.keys.public_key); },
                                     ErrorCode::kUnavailable);

  EXPECT_EQ(error, str("[transport] self-test: a client with an unlisted key was answered by ",
                       open.endpoint, "; the coordinator is open to everybody and must not run"));
}

TEST(SelfTest, CatchesAServerWithoutEncryption) {
  OpenServer open(false);

  const std::string error = error_of([&] { refuse_if_open(open.endpoint, open.keys.public_key); },
                                     ErrorCode::kUnavailable);

  EXPECT_NE(error.find("a client with no key was answered"), std::string::npos) << error;
}

TEST(SelfTest, SilenceIsNoProof) {
  EchoServer server({});

  const std::string error = error_of(
      [&] {
        refuse_if_open(server->endpoint(), generate_keys().public_key,
                       std::chrono::milliseconds(300));
      },
      ErrorCode::kUnavailable);

  EXPECT_NE(error.find("was neither answered nor turned away"), std::string::npos) << error;
}

}  // namespace
}  // namespace lorae::transport
