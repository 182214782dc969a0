#include "base/base64.h"

#include <gtest/gtest.h>

#include <map>

namespace lorae {
namespace {

TEST(Base64, IsAsTheRfcHasIt) {
  for (const auto& [text, wanted] : std::map<std::string, std::string>{{"", ""},
                                                                       {"f", "Zg=="},
                                                                       {"fo", "Zm8="},
                                                                       {"foo", "Zm9v"},
                                                                       {"foob", "Zm9vYg=="},
                                                                       {"fooba", "Zm9vYmE="},
                                                                       {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(to_base64(view_of(text)), wanted);
  }
  EXPECT_EQ(to_base64(view_of(std::string_view("\xfb\xff\xbe\x00", 4))), "+/++AA==");
}

}  // namespace
}  // namespace lorae
