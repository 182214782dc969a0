#include "base/bytes.h"

#include <gtest/gtest.h>

#include <array>

#include "base/ids.h"
#include "base/str.h"
#include "tests/base/support.h"

namespace lorae {
namespace {

TEST(Bytes, AreShownAsLowerCaseHexadecimal) {
  EXPECT_EQ(to_hex(view_of(std::string_view("\x00\x0f\xa0\xff", 4))), "000fa0ff");
  EXPECT_EQ(to_hex({}), "");
}

TEST(Bytes, AreTextAndBack) {
  const std::string text("a\0b", 3);

  EXPECT_EQ(text_of(view_of(text)), text);
  EXPECT_EQ(text_of(copy_of(view_of(text))), text);
}

TEST(Bytes, OfNumbersAreLittleEndian) {
  const std::array<std::uint32_t, 2> numbers = {1, 0x01020304};

  EXPECT_EQ(to_hex(bytes_of(std::span<const std::uint32_t>(numbers))), "0100000004030201");
}

TEST(Bytes, AreAppended) {
  Bytes bytes = bytes_from("ab");

  append(bytes, view_of("cd"));
  append(bytes, {});

  EXPECT_EQ(text_of(bytes), "abcd");
}

TEST(HumanBytes, HasThreeDigitsAndPowersOf1000) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1), "1 B");
  EXPECT_EQ(human_bytes(812), "812 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1000), "1.00 kB");
  EXPECT_EQ(human_bytes(9994), "9.99 kB");
  EXPECT_EQ(human_bytes(26800), "26.8 kB");
  EXPECT_EQ(human_bytes(123456), "123 kB");
  EXPECT_EQ(human_bytes(1.23e6), "1.23 MB");
  EXPECT_EQ(human_bytes(44.7e6), "44.7 MB");
  EXPECT_EQ(human_bytes(5e9), "5.00 GB");
  EXPECT_EQ(human_bytes(5e12), "5.00 TB");
  EXPECT_EQ(human_bytes(5e15), "5000 TB");
}

TEST(ByteCount, IsReadWithAUnitOfPowersOf1000) {
  const auto value = [](const char* text) {
    const auto count = parse_byte_count(text);
    return count ? count->value : -1;
  };
  EXPECT_EQ(value("2 kB"), 2000);
  EXPECT_EQ(value("1.5MB"), 1500000);
  EXPECT_EQ(value("800 B"), 800);
  EXPECT_EQ(value("0.0025  kB"), 3) << "whole bytes";
  EXPECT_EQ(value("1000 TB"), 1000000000000000);
  for (const char* text : {"", "kB", "2", "2 KB", "2 kB ", "-1 kB", "1001 TB", "nan B", "inf B",
                           "2 kiB", "1e400 B", " 2 kB"}) {
    EXPECT_EQ(value(text), -1) << text;
  }
}

TEST(HumanBytes, RoundsUpIntoTheNextUnit) {
  EXPECT_EQ(human_bytes(999.4), "999 B");
  EXPECT_EQ(human_bytes(999.6), "1.00 kB");
  EXPECT_EQ(human_bytes(9996), "10.0 kB");
  EXPECT_EQ(human_bytes(99960), "100 kB");
  EXPECT_EQ(human_bytes(999400), "999 kB");
  EXPECT_EQ(human_bytes(999600), "1.00 MB");
}

TEST(Str, ConcatenatesWhatCanBeStreamed) {
  EXPECT_EQ(str("rank ", 8, ' ', 0.5, std::string("!")), "rank 8 0.5!");
  EXPECT_EQ(str(ClientId{"ada"}), "ada");
}

TEST(ClientName, HasOneTo64SafeCharacters) {
  EXPECT_TRUE(is_client_name("a"));
  EXPECT_TRUE(is_client_name("Camera-3_b.local"));
  EXPECT_TRUE(is_client_name(std::string(64, 'x')));
  EXPECT_FALSE(is_client_name(""));
  EXPECT_FALSE(is_client_name(std::string(65, 'x')));
}

TEST(ClientName, CannotLeaveItsFolderOrForgeALine) {
  for (const std::string_view name :
       {".", "..", ".hidden", "a/b", "a\\b", "a b", "a\nb", "a=b", "\"", "\xc3\xa4"}) {
    EXPECT_FALSE(is_client_name(name)) << name;
  }
  EXPECT_FALSE(is_client_name(std::string_view("a\0", 2)));
}

}  // namespace
}  // namespace lorae
