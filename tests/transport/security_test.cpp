// Who gets in, and what those learn who do not.
#include <gtest/gtest.h>

#include <thread>

#include "tests/transport/helpers.h"
#include "transport/monitor.h"
#include "transport/self_test.h"
#include "transport/socket.h"

namespace lorae::transport {
namespace {

/// A deliberately open server.
struct OpenServer {
  explicit OpenServer(bool curve) {
    if (curve) {
      router.set(zmq::sockopt::curve_server, true);
      router.set(zmq::sockopt::curve_secretkey, keys.secret_key);
      // ZAP_ENFORCE_DOMAIN without a domain: the handler is not asked.
      router.set(zmq::sockopt::integral_option<93, int>(), 1);
    }
    router.bind("tcp://127.0.0.1:*");
    endpoint = router.get(zmq::sockopt::last_endpoint);
  }

  KeyPair keys = generate_keys();
  zmq::socket_t router = make_socket(zmq::socket_type::router);
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
  zmq::socket_t dealer = make_socket(zmq::socket_type::dealer);
  Monitor monitor(dealer);
  dealer.connect(server->endpoint());
  dealer.send(zmq::str_buffer("hello"), zmq::send_flags::dontwait);

  int outcome = 0;
  EXPECT_TRUE(eventually([&] {
    while (const auto event = monitor.next()) {
      if (*event != ZMQ_EVENT_CONNECTED && outcome == 0) {
        outcome = *event;
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

/// Something that a server's callbacks were told.
struct Note {
  std::string what;
  std::thread::id thread;
};

/// A server that notes "NAME" for each frame and "revoked: NAME NAME ..." for each revocation.
struct NotingServer {
  explicit NotingServer(const Registry& registry) {
    ZmqServerOptions options;
    options.endpoint = "tcp://127.0.0.1:*";
    options.keys = keys;
    options.registry = registry;
    options.on_revoked = [this](const std::vector<ClientId>& clients) {
      std::string what = "revoked:";
      for (const ClientId& client : clients) {
        what += str(' ', client);
      }
      notes.put({what, std::this_thread::get_id()});
    };
    server.emplace(std::move(options));
  }
  ~NotingServer() { server->stop(); }

  void start() {
    server->start([this](ConnectionId, const ClientId& client, wire::Frame) {
      notes.put({client.name, std::this_thread::get_id()});
    });
  }
  std::string next() {
    const auto note = notes.next();
    return note ? note->what : "nothing";
  }

  KeyPair keys = generate_keys();
  Mailbox<Note> notes;
  std::optional<ZmqServer> server;
};

TEST(SecurityOf, RevokedClientsAreReportedAfterTheirLastFrame) {
  Enrolled enrolled({"a", "b", "c"});
  NotingServer noting(enrolled.registry);
  noting.start();
  const auto options = [&](const std::string& name) {
    return quick(noting.server->endpoint(), enrolled.keys[name], noting.keys.public_key);
  };
  TestClient a(options("a"));
  TestClient b(options("b"));
  ASSERT_TRUE(a.connected() && b.connected());
  a->send(frame_of("x"));
  const auto frame = noting.notes.next();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->what, "a");

  Registry without;  // c, which never connected, is not even listed any more
  without.enrol("a", enrolled.keys["a"].public_key);
  without.enrol("b", enrolled.keys["b"].public_key);
  without.revoke("a");
  noting.server->set_registry(without);

  const auto revoked = noting.notes.next();
  ASSERT_TRUE(revoked);
  EXPECT_EQ(revoked->what, "revoked: a c");
  EXPECT_EQ(revoked->thread, frame->thread);
  a->send(frame_of("still there?"));
  EXPECT_TRUE(eventually([&] { return noting.server->counters().unauthenticated == 1; }));
  noting.server->set_registry(without);
  b->send(frame_of("y"));
  EXPECT_EQ(noting.next(), "b") << "nothing of a, and nothing twice";

  noting.server->set_registry(enrolled.registry);
  const auto heard_again = [&] {  // frames that came before it looked are dropped
    a->send(frame_of("back"));
    return !noting.notes.empty();
  };
  EXPECT_TRUE(eventually(heard_again));
  noting.server->set_registry(without);
  const auto again = noting.notes.wait_for([](const Note& note) { return note.what != "a"; });
  ASSERT_TRUE(again);
  EXPECT_EQ(again->what, "revoked: a c") << "each time anew";
}

TEST(SecurityOf, ARevocationBeforeTheStartIsReportedAfterIt) {
  Enrolled enrolled({"a"});
  NotingServer noting(enrolled.registry);
  noting.server->set_registry({});
  EXPECT_TRUE(noting.notes.empty());

  noting.start();

  EXPECT_EQ(noting.next(), "revoked: a");
}

TEST(SecurityOf, DenialsTellARevokedClientFromAStranger) {
  Enrolled enrolled({"a"});
  const KeyPair stranger = generate_keys();
  Mailbox<Denial> denials;
  ZmqServerOptions options;
  options.on_denied = [&](const Denial& denial) { denials.put(denial); };
  EchoServer server(enrolled.registry, options);
  server->set_registry({});
  for (const auto& [keys, revoked] : {std::pair{enrolled.keys["a"], true}, {stranger, false}}) {
    TestClient client(server, keys);

    const auto denial = denials.wait_for(
        [&, key = keys.public_key](const Denial& d) { return d.public_key == key; });

    ASSERT_TRUE(denial);
    EXPECT_EQ(denial->revoked, revoked) << denial->reason;
  }
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
