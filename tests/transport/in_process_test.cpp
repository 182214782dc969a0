#include "transport/in_process.h"

#include <gtest/gtest.h>

#include "tests/transport/helpers.h"

namespace lorae::transport {
namespace {

/// A network whose server notes what it hears, and one client that does too.
struct Fixture {
  InProcessNetwork network;
  std::vector<std::string> at_server;
  std::vector<std::string> at_client;
  std::vector<LinkEvent> links;
  ConnectionId connection;
  std::unique_ptr<ClientChannel> client;

  Fixture() {
    network.start([this](ConnectionId from, const ClientId& id, wire::Frame frame) {
      connection = from;
      at_server.push_back(str(id, ':', head_of(frame)));
    });
    client = connect("a");
  }

  std::unique_ptr<ClientChannel> connect(const std::string& name) {
    return network.connect(
        {name}, [this](wire::Frame frame) { at_client.push_back(head_of(frame)); },
        [this](LinkEvent event, const std::string&) { links.push_back(event); });
  }
};

using Strings = std::vector<std::string>;

TEST(InProcess, DeliversNothingBeforeItIsPumped) {
  Fixture f;
  f.client->send(frame_of("x"));
  EXPECT_TRUE(f.at_server.empty());
  EXPECT_TRUE(f.links.empty());

  EXPECT_EQ(f.network.deliver_all(), 2U);

  EXPECT_EQ(f.at_server, Strings{"a:x"});
  EXPECT_EQ(f.links, std::vector{LinkEvent::kConnected});
  EXPECT_FALSE(f.network.deliver_one());
}

TEST(InProcess, KeepsTheOrderOfSending) {
  Fixture f;
  const auto other = f.connect("b");
  for (const char* const text : {"1", "2"}) {
    f.client->send(frame_of(text));
    other->send(frame_of(text));
  }
  f.network.deliver_all();

  EXPECT_EQ(f.at_server, (Strings{"a:1", "b:1", "a:2", "b:2"}));
}

TEST(InProcess, AnswersReachTheConnectionTheyAreFor) {
  Fixture f;
  f.client->send(frame_of("x"));
  f.network.deliver_all();
  f.network.server().send(f.connection, frame_of("y"));
  f.network.server().send(ConnectionId{f.connection.value + 7}, frame_of("nobody"));
  f.network.deliver_all();

  EXPECT_EQ(f.at_client, Strings{"y"});
}

TEST(InProcess, AClosedConnectionLosesItsFrames) {
  Fixture f;
  f.client->send(frame_of("x"));
  f.network.deliver_all();
  const ConnectionId before = f.connection;
  f.client->send(frame_of("lost"));
  f.network.server().send(before, frame_of("lost"));

  f.client = f.connect("a");
  f.client->send(frame_of("again"));
  f.network.deliver_all();

  EXPECT_EQ(f.at_server, (Strings{"a:x", "a:again"}));
  EXPECT_TRUE(f.at_client.empty());
  EXPECT_NE(f.connection, before);
}

TEST(InProcess, ACallbackMaySendAndHangUp) {
  Fixture f;
  f.network.start([&](ConnectionId from, const ClientId&, wire::Frame frame) {
    f.network.server().send(from, frame);
    f.network.server().send(from, std::move(frame));
  });
  auto client = std::unique_ptr<ClientChannel>();
  int heard = 0;
  client = f.network.connect({"b"}, [&](wire::Frame) {
    ++heard;
    client.reset();
  });
  client->send(frame_of("x"));
  f.network.deliver_all();

  EXPECT_EQ(heard, 1);
}

TEST(InProcess, FaultsDropDuplicateAndDelay) {
  Fixture f;
  f.network.deliver_all();
  f.network.set_fault([](const wire::Frame& frame) {
    const std::string head = head_of(frame);
    return head == "drop"    ? Fault::kDrop
           : head == "twice" ? Fault::kDuplicate
           : head == "late"  ? Fault::kDelay
                             : Fault::kNone;
  });
  for (const char* const text : {"late", "twice", "drop", "plain"}) {
    f.client->send(frame_of(text));
  }
  f.network.deliver_all();

  EXPECT_EQ(f.at_server, (Strings{"a:twice", "a:plain", "a:late", "a:twice"}));
}

}  // namespace
}  // namespace lorae::transport
