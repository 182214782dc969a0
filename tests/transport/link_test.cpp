#include "transport/link.h"

#include <gtest/gtest.h>
#include <zmq.h>

#include "tests/transport/helpers.h"
#include "transport/zap.h"

namespace lorae::transport {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const TimePoint kStart{};

struct Script {
  Link link{"tcp://c:1", "KEY"};
  TimePoint now = kStart;

  Link::Step see(int kind) { return link.on_event(kind, now); }
  /// A TCP connection whose handshake the peer breaks off after `after`.
  Link::Step broken_handshake(Duration after = milliseconds(1)) {
    see(ZMQ_EVENT_CONNECTED);
    now += after;
    const Link::Step step = see(ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    see(ZMQ_EVENT_DISCONNECTED);
    see(ZMQ_EVENT_CONNECT_RETRIED);
    return step;
  }
};

TEST(Link, IsConnectedAfterTheHandshakeOnly) {
  Script script;
  EXPECT_FALSE(script.see(ZMQ_EVENT_CONNECTED).report);
  EXPECT_FALSE(script.link.connected());

  EXPECT_EQ(script.see(ZMQ_EVENT_HANDSHAKE_SUCCEEDED).report, LinkEvent::kConnected);
  EXPECT_EQ(script.see(ZMQ_EVENT_DISCONNECTED).report, LinkEvent::kDisconnected);
  EXPECT_FALSE(script.link.connected());
}

TEST(Link, ADenialHangsUpAndTellsHowToEnrol) {
  Script script;
  script.see(ZMQ_EVENT_CONNECTED);

  const Link::Step step = script.see(ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);

  EXPECT_EQ(step.report, LinkEvent::kDenied);
  EXPECT_TRUE(step.hang_up);
  EXPECT_EQ(step.detail,
            "the coordinator at tcp://c:1 does not know this client's key, or it was revoked; on "
            "the coordinator run: lorae enrol NAME 'KEY'; then this client gets in by itself");
}

TEST(Link, AnotherProtocolIsAWrongServerAtOnce) {
  Script script;

  const Link::Step step = script.see(ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);

  EXPECT_EQ(step.report, LinkEvent::kWrongServer);
  EXPECT_TRUE(step.hang_up);
}

TEST(Link, ThreeBrokenHandshakesInARowAreAWrongServer) {
  Script script;
  EXPECT_FALSE(script.broken_handshake().report);
  EXPECT_FALSE(script.broken_handshake().report);

  const Link::Step step = script.broken_handshake();

  EXPECT_EQ(step.report, LinkEvent::kWrongServer);
  EXPECT_TRUE(step.hang_up);
  EXPECT_TRUE(script.broken_handshake().hang_up) << "from now on each attempt backs off";
}

TEST(Link, ASlowServerIsNotAWrongOne) {
  Script script;
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(script.broken_handshake(seconds(10)).report);
  }
}

TEST(Link, APeerThatDoesNotShakeHandsIsToldAfterAWhile) {
  Script script;
  EXPECT_FALSE(script.link.deadline());
  script.see(ZMQ_EVENT_CONNECTED);
  ASSERT_EQ(script.link.deadline(), kStart + seconds(5));
  EXPECT_FALSE(script.link.on_time(kStart + milliseconds(4'999)).report);

  const Link::Step step = script.link.on_time(kStart + seconds(5));

  EXPECT_EQ(step.report, LinkEvent::kWrongServer);
  EXPECT_TRUE(step.hang_up);
  EXPECT_FALSE(script.link.deadline());
  EXPECT_FALSE(script.link.on_time(kStart + seconds(50)).report) << "once";
}

TEST(Link, APeerThatHangsUpWithoutAHandshakeIsAWrongServerAtOnce) {
  Script script;
  script.see(ZMQ_EVENT_CONNECTED);

  const Link::Step step = script.see(ZMQ_EVENT_DISCONNECTED);

  EXPECT_EQ(step.report, LinkEvent::kWrongServer);
  EXPECT_TRUE(step.hang_up) << "libzmq would not dial again";
}

TEST(Link, HasNoDeadlineWhenHandsAreShakenOrTheConnectionIsGone) {
  for (const int kind : {ZMQ_EVENT_HANDSHAKE_SUCCEEDED, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL}) {
    Script script;
    script.see(ZMQ_EVENT_CONNECTED);
    script.see(kind);
    EXPECT_FALSE(script.link.deadline());
    EXPECT_FALSE(script.link.on_time(kStart + seconds(50)).report);
  }
}

TEST(Link, ASuccessForgivesBrokenHandshakes) {
  Script script;
  script.broken_handshake();
  script.broken_handshake();
  script.see(ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  script.see(ZMQ_EVENT_DISCONNECTED);

  EXPECT_FALSE(script.broken_handshake().report);
}

TEST(Link, AnUnreachableCoordinatorIsReportedOncePerOutage) {
  Script script;
  EXPECT_FALSE(script.see(ZMQ_EVENT_CONNECT_RETRIED).report);
  EXPECT_EQ(script.see(ZMQ_EVENT_CONNECT_RETRIED).report, LinkEvent::kDisconnected);
  EXPECT_FALSE(script.see(ZMQ_EVENT_CONNECT_RETRIED).report);

  script.see(ZMQ_EVENT_CONNECTED);
  script.see(ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
  EXPECT_TRUE(script.see(ZMQ_EVENT_DISCONNECTED).report);
  EXPECT_FALSE(script.see(ZMQ_EVENT_CONNECT_RETRIED).report);
  EXPECT_FALSE(script.see(ZMQ_EVENT_CONNECT_RETRIED).report);
}

TEST(Link, RedialingIsALossOnlyIfThereWasAConnection) {
  Script script;
  EXPECT_FALSE(script.link.on_redial().report);
  script.see(ZMQ_EVENT_HANDSHAKE_SUCCEEDED);

  EXPECT_EQ(script.link.on_redial().report, LinkEvent::kDisconnected);
}

TEST(Door, ReportsDenialsAtMostOncePerSecond) {
  std::vector<Denial> reports;
  Door door("d", {}, [&](const Denial& denial) { reports.push_back(denial); });
  door.start_reports();
  const TimePoint start = kStart + seconds(100);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(door.admit("10.0.0.7", str("key", i)), "");
    EXPECT_EQ(door.report(start + milliseconds(i)), i > 0);
  }
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_FALSE(door.report(start + seconds(1)));
  EXPECT_FALSE(door.report(start + seconds(5)));

  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[0].count, 1U);
  EXPECT_EQ(reports[1].count, 99U);
  EXPECT_EQ(reports[1].public_key, "key99");
  EXPECT_EQ(reports[1].address, "10.0.0.7");
  EXPECT_EQ(door.denied(), 100U);
}

TEST(Door, AdmitsByTheRegistryOfTheMoment) {
  Enrolled enrolled({"a"});
  const std::string& key = enrolled.keys["a"].public_key;
  Door door("d", enrolled.registry, {});
  EXPECT_EQ(door.admit("", key), "a");

  enrolled.registry.revoke("a");
  door.set_registry(enrolled.registry);

  EXPECT_EQ(door.admit("", key), "");
}

TEST(Door, TellsRevokedKeysFromUnknownOnes) {
  Enrolled enrolled({"revoked-before", "revoked", "removed", "kept"});
  enrolled.registry.revoke("revoked-before");
  std::vector<Denial> reports;
  Door door("d", enrolled.registry, [&](const Denial& denial) { reports.push_back(denial); });
  Registry next;
  next.enrol("revoked", enrolled.keys["revoked"].public_key);
  next.enrol("kept", enrolled.keys["kept"].public_key);
  next.revoke("revoked");
  door.set_registry(next);
  door.set_registry(next);
  door.start_reports();
  TimePoint now = kStart + seconds(100);

  for (const char* const name : {"revoked-before", "revoked", "removed"}) {
    EXPECT_EQ(door.admit("", enrolled.keys[name].public_key), "");
    door.report(now += seconds(2));
    ASSERT_FALSE(reports.empty());
    EXPECT_TRUE(reports.back().revoked) << name;
    EXPECT_EQ(reports.back().reason, "its key was revoked");
  }
  EXPECT_EQ(door.admit("", generate_keys().public_key), "");
  door.report(now += seconds(2));
  door.deny("it did not present a CURVE key", "");
  door.report(now += seconds(2));

  ASSERT_EQ(reports.size(), 5U);
  EXPECT_FALSE(reports[3].revoked);
  EXPECT_EQ(reports[3].reason, "its key is not enrolled");
  EXPECT_FALSE(reports[4].revoked);
  EXPECT_EQ(door.admit("", enrolled.keys["kept"].public_key), "kept");
}

}  // namespace
}  // namespace lorae::transport
