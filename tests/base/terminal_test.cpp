#include "base/terminal.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "base/progress.h"
#include "tests/base/pseudo_terminal.h"

namespace lorae {
namespace {

constexpr const char* kLabel = "training fasterrcnn_resnet50_fpn on many pictures";

class TerminalTest : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TERM", "xterm-256color", 1);
    ::unsetenv("NO_COLOR");
  }

  /// What a bar with a long line leaves on a terminal of so many columns.
  static std::string bar(std::size_t columns) {
    const PseudoTerminal terminal(columns);
    const StandardErrorTo there(terminal.descriptor());
    Progress progress(kLabel, 4, "images");
    progress.stop("epoch 1 loss 0.5");  // draws, though no time has passed
    progress.add(4);
    progress.finish("a note that is shorter");
    return terminal.written();
  }
};

TEST_F(TerminalTest, TakesColoursUnlessSomebodyObjects) {
  const PseudoTerminal terminal(100);
  EXPECT_TRUE(terminal_of(terminal.descriptor()).colours);
  EXPECT_EQ(terminal_of(terminal.descriptor()).columns, 100U);

  ::setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(terminal_of(terminal.descriptor()).colours);
  EXPECT_TRUE(terminal_of(terminal.descriptor()).redraws);

  ::setenv("TERM", "dumb", 1);
  EXPECT_FALSE(terminal_of(terminal.descriptor()).redraws);
}

TEST_F(TerminalTest, IsNoneIfItIsAFileOrNoDescriptor) {
  const int file = ::open("/dev/null", O_WRONLY);
  EXPECT_FALSE(terminal_of(file).redraws);
  EXPECT_FALSE(terminal_of(file).colours);
  ::close(file);
  EXPECT_FALSE(terminal_of(-1).redraws);
}

TEST_F(TerminalTest, GetsNoEscapeCodesFromABar) {
  for (const std::size_t columns : {20, 40, 80, 200}) {
    const std::string written = bar(columns);
    EXPECT_EQ(written.find('\033'), std::string::npos) << columns;
    EXPECT_NE(written.find('\r'), std::string::npos) << "it is redrawn: " << columns;
  }
}

TEST_F(TerminalTest, NeverWrapsABar) {
  for (const std::size_t columns : {1, 20, 79, 80, 81, 200}) {
    std::istringstream lines(bar(columns));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream drawings(line);
      for (std::string drawn; std::getline(drawings, drawn, '\r');) {
        EXPECT_LT(drawn.size(), columns) << drawn;
      }
    }
  }
}

TEST_F(TerminalTest, GetsPlainLinesIfItIsDumb) {
  ::setenv("TERM", "dumb", 1);
  const std::string written = bar(80);
  EXPECT_TRUE(written.starts_with(kLabel)) << written;
  EXPECT_EQ(written.find('['), std::string::npos) << written;
}

TEST_F(TerminalTest, IsToldTheEndOnce) {
  ::setenv("TERM", "dumb", 1);
  const PseudoTerminal terminal(80);
  {
    const StandardErrorTo there(terminal.descriptor());
    Progress progress("rounds", 3, "rounds");
    progress.add(3, "top1 71 %");
    progress.finish("top1 71 %");
    progress.finish("top1 71 %");
  }
  const std::string written = terminal.written();
  EXPECT_EQ(written.find("3/3"), written.rfind("3/3")) << written;
  EXPECT_NE(written.find("3/3"), std::string::npos) << written;
}

}  // namespace
}  // namespace lorae
