// The small parts under the sockets: endpoints, waits, queues, threads, connection names.
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <future>
#include <thread>

#include "tests/transport/helpers.h"
#include "transport/backoff.h"
#include "transport/connection_table.h"
#include "transport/endpoint.h"
#include "transport/io_thread.h"
#include "transport/outbox.h"
#include "transport/overhead.h"
#include "transport/socket.h"

namespace lorae::transport {
namespace {

using std::chrono::milliseconds;

TEST(Uninterrupted, TriesAgainAfterASignalAndAfterNothingElse) {
  int calls = 0;
  const auto fails = [&](int error, int times) {
    return [&calls, error, times] {
      if (++calls <= times) {
        errno = error;
        throw zmq::error_t();
      }
    };
  };
  uninterrupted(fails(EINTR, 3));
  EXPECT_EQ(calls, 4);
  calls = 0;
  EXPECT_THROW(uninterrupted(fails(EADDRINUSE, 1)), zmq::error_t);
  EXPECT_EQ(calls, 1);
}

TEST(Overhead, IsThatOfEncryptedParts) {
  const auto sent = [](std::size_t head, std::size_t body) {
    return sent_bytes({Bytes(head), Bytes(body)});
  };
  EXPECT_EQ(sent(10, 0), 2 + 33 + 10) << "one part";
  EXPECT_EQ(sent(222, 0), 2 + 255) << "the last with a short header";
  EXPECT_EQ(sent(223, 0), 9 + 256);
  EXPECT_EQ(sent(10, 5000), 2 + 33 + 10 + 9 + 33 + 5000);
  EXPECT_EQ(kHandshakeUp, 64 + 202 + 9 + 292);
  EXPECT_EQ(kHandshakeDown, 64 + 170 + 67);
}

TEST(Endpoint, ReadsHostAndPort) {
  EXPECT_EQ(Endpoint::to_dial("tcp://example.org:7227").text(), "tcp://example.org:7227");
  EXPECT_EQ(Endpoint::to_dial("tcp://[::1]:7227").host, "[::1]");
  EXPECT_TRUE(Endpoint::to_dial("tcp://[::1]:7227").is_ipv6());
  EXPECT_EQ(Endpoint::to_listen("tcp://*:*").port, 0);
  EXPECT_EQ(Endpoint::to_dial_here("tcp://0.0.0.0:7227").text(), "tcp://127.0.0.1:7227");
  EXPECT_EQ(Endpoint::to_dial_here("tcp://[::]:7227").text(), "tcp://[::1]:7227");
}

TEST(Endpoint, RefusesWhatLibzmqWouldMisread) {
  for (const char* const text :
       {"", "tcp://", "tcp://host", "tcp://:7227", "host:7227", "ipc:///tmp/x", "inproc://x",
        "tcp://host:", "tcp://host:99999", "tcp://host:-1", "tcp://host:72a", "tcp://host:7227/",
        "tcp://a:b:7227", "tcp://::1:7227", "tcp://eth0;host:7227"}) {
    EXPECT_NE(error_of([&] { Endpoint::to_listen(text); }, ErrorCode::kInvalidConfig), "") << text;
    EXPECT_NE(error_of([&] { Endpoint::to_dial(text); }, ErrorCode::kInvalidConfig), "") << text;
  }
  EXPECT_NE(error_of([] { Endpoint::to_dial("tcp://host:0"); }, ErrorCode::kInvalidConfig), "");
  EXPECT_NE(error_of([] { Endpoint::to_dial("tcp://*:1"); }, ErrorCode::kInvalidConfig), "");
  EXPECT_EQ(error_of([] { Endpoint::to_dial("tcp://host:x"); }),
            "[transport] endpoint 'tcp://host:x': has a port that is not a number from 0 to 65535; "
            "expected something like tcp://coordinator.example.org:7227");
}

TEST(Backoff, DoublesUpToTheCapWithJitter) {
  Backoff backoff(milliseconds(100), milliseconds(800), Random(1));
  for (const int full : {100, 200, 400, 800, 800}) {
    const auto wait = backoff.next();
    EXPECT_LE(wait, milliseconds(full));
    EXPECT_GE(wait, milliseconds(full / 2));
  }

  backoff.reset();

  EXPECT_LE(backoff.next(), milliseconds(100));
}

TEST(Outbox, WakesItsReaderAndKeepsTheOrder) {
  Outbox<int> outbox(10'000);
  pollfd readable{outbox.descriptor(), POLLIN, 0};
  EXPECT_EQ(::poll(&readable, 1, 0), 0);

  std::thread([&] { outbox.push(1, 0) && outbox.push(2, 0); }).join();

  EXPECT_EQ(::poll(&readable, 1, 0), 1);
  EXPECT_EQ(outbox.take(), (std::vector<int>{1, 2}));
  EXPECT_EQ(::poll(&readable, 1, 0), 0);
}

TEST(Outbox, IsBoundedAlsoForEmptyItems) {
  Outbox<int> outbox(1'000);
  int taken = 0;
  while (outbox.push(0, 0) && taken < 100) {
    ++taken;
  }

  EXPECT_LT(taken, 10);
  EXPECT_FALSE(outbox.push(0, 2'000));
  outbox.take();
  EXPECT_TRUE(outbox.push(0, 500));
}

TEST(IoThread, LeavesAHangingThreadBehind) {
  const auto release = std::make_shared<std::promise<void>>();
  const auto ended = std::make_shared<std::promise<void>>();
  auto end = ended->get_future();
  IoThread thread;
  thread.start([release, ended] {
    release->get_future().wait();
    ended->set_value();
  });

  EXPECT_FALSE(thread.join_within(milliseconds(20)));

  release->set_value();
  EXPECT_EQ(end.wait_for(kPatience), std::future_status::ready);
  EXPECT_TRUE(thread.join_within(kPatience));
}

TEST(ConnectionId, IsNoNumber) {
  static_assert(!std::is_convertible_v<std::uint64_t, ConnectionId>);
  static_assert(!std::is_convertible_v<ConnectionId, std::uint64_t>);
  EXPECT_LT(ConnectionId(), ConnectionId{1});
  EXPECT_EQ(str(ConnectionId{7}), "7");
}

TEST(ConnectionTable, NamesEachRouteOnce) {
  ConnectionTable table(4);
  const ConnectionId first = table.heard("r1", {"a"});
  const ConnectionId second = table.heard("r2", {"a"});

  EXPECT_NE(first, second);
  EXPECT_EQ(table.heard("r1", {"a"}), first);
  EXPECT_EQ(*table.route(first), "r1");
  EXPECT_EQ(*table.route(second), "r2");
  EXPECT_EQ(table.route(ConnectionId{99}), nullptr);
}

TEST(ConnectionTable, NeverReusesAName) {
  ConnectionTable table(4);
  const ConnectionId first = table.heard("r1", {"a"});
  table.forget(first);
  table.forget(first);

  EXPECT_GT(table.heard("r1", {"a"}), first);
  EXPECT_EQ(table.route(first), nullptr);
}

TEST(ConnectionTable, ARouteUnderAnotherIdentityIsAnotherConnection) {
  ConnectionTable table(4);
  const ConnectionId before = table.heard("r1", {"a"});

  const ConnectionId after = table.heard("r1", {"b"});

  EXPECT_NE(before, after);
  EXPECT_EQ(table.route(before), nullptr) << "frames for a must not reach b";
  EXPECT_EQ(table.size(), 1U);
}

TEST(ConnectionTable, AClientPushesOutItsOwnOldestConnectionOnly) {
  ConnectionTable table(2);
  const ConnectionId other = table.heard("other", {"b"});
  const ConnectionId first = table.heard("r1", {"a"});
  const ConnectionId second = table.heard("r2", {"a"});
  table.heard("r1", {"a"});  // now r2 is the one least recently heard

  for (int i = 3; i < 100; ++i) {
    table.heard("r1", {"a"});
    table.heard(str('r', i), {"a"});
  }

  EXPECT_EQ(table.size(), 3U);
  EXPECT_EQ(*table.route(first), "r1");
  EXPECT_EQ(table.route(second), nullptr);
  EXPECT_EQ(*table.route(other), "other");
}

TEST(ConnectionTable, ForgetsClientsThatAreNotActive) {
  ConnectionTable table(4);
  const ConnectionId a = table.heard("r1", {"a"});
  const ConnectionId b = table.heard("r2", {"b"});

  table.retain([](const ClientId& client) { return client.name == "b"; });

  EXPECT_EQ(table.route(a), nullptr);
  EXPECT_NE(table.route(b), nullptr);
}

TEST(Endpoint, ForOthersHasNoWildcard) {
  std::array<char, 256> name{};
  ASSERT_EQ(::gethostname(name.data(), name.size() - 1), 0);
  const std::string here = name.data();
  for (const char* wildcard : {"tcp://0.0.0.0:7227", "tcp://*:7227", "tcp://[::]:7227"}) {
    EXPECT_EQ(Endpoint::for_others(wildcard), "tcp://" + here + ":7227");
  }
  for (const char* address : {"tcp://127.0.0.1:7227", "tcp://[::1]:9", "tcp://host.example:1"}) {
    EXPECT_EQ(Endpoint::for_others(address), address);
  }
}

}  // namespace
}  // namespace lorae::transport
