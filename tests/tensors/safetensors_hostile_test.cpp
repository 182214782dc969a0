#include <chrono>
#include <cstring>

#include "tensors/safetensors.h"
#include "tensors/torch.h"
#include "tests/tensors/helpers.h"

namespace lorae {
namespace {

std::string with_length(std::uint64_t length, const std::string& rest) {
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + rest;
}

/// A file with this header and `data_bytes` bytes after it.
std::string file_of(const std::string& header, std::size_t data_bytes = 0) {
  return with_length(header.size(), header + std::string(data_bytes, '\x2a'));
}

/// {"w": {dtype, shape, data_offsets}} with those parts as given.
std::string one_tensor(const std::string& dtype,
                       const std::string& shape,
                       const std::string& offsets) {
  return str(R"({"w":{"dtype":)", dtype, R"(,"shape":)", shape, R"(,"data_offsets":)", offsets,
             "}}");
}

/// Two float32 vectors of two numbers each, with these offsets.
std::string two_tensors(const std::string& a, const std::string& b) {
  return str(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":)", a,
             R"(},"b":{"dtype":"F32","shape":[2],"data_offsets":)", b, "}}");
}

void expect_corrupt(const std::string& bytes, std::string_view part) {
  SCOPED_TRACE(part);
  const auto file = safetensors_unpack(view_of(bytes));
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code(), ErrorCode::kCorruptData);
  const std::string_view message = file.error().what();
  EXPECT_TRUE(message.starts_with("[safetensors] ")) << message;
  EXPECT_NE(message.find(part), std::string_view::npos) << message;
}

TEST(HostileSafetensors, RefusesFilesWithoutARoomForTheHeader) {
  expect_corrupt("", "too short");
  expect_corrupt("1234567", "too short");
  expect_corrupt(with_length(3, "{}"), "the header is longer than the file");
  expect_corrupt(with_length(~0ULL, "{}"), "the header is longer than the file");
  expect_corrupt(with_length(~0ULL - 7, "{}"), "the header is longer than the file");
}

TEST(HostileSafetensors, RefusesAHeaderThatIsNoJsonObject) {
  expect_corrupt(file_of(""), "the header is no JSON");
  expect_corrupt(file_of("{"), "the header is no JSON");
  expect_corrupt(file_of("{}x"), "the header is no JSON");
  expect_corrupt(file_of("{\"\xff\":1}"), "the header is no JSON, from its byte ");
  expect_corrupt(file_of("[]"), "the header is not an object");
  expect_corrupt(file_of("null"), "the header is not an object");
  expect_corrupt(file_of("7"), "the header is not an object");
}

TEST(HostileSafetensors, RefusesTextBehindAZeroByte) {
  using namespace std::string_literals;
  expect_corrupt(file_of("{}\0"s), "a zero byte in the header");
  expect_corrupt(file_of("{}\0hidden"s), "a zero byte in the header");
  expect_corrupt(file_of("{\0}"s), "a zero byte in the header");
}

TEST(HostileSafetensors, RefusesDeepNesting) {
  constexpr std::size_t kDeep = 200000;
  expect_corrupt(file_of(std::string(kDeep, '[')), "the header is no JSON");
  expect_corrupt(file_of(std::string(kDeep, '[') + std::string(kDeep, ']')), "not an object");
  std::string objects;
  for (std::size_t i = 0; i < kDeep / 10; ++i) {
    objects += R"({"a":)";
  }
  expect_corrupt(file_of(objects), "the header is no JSON");
}

TEST(HostileSafetensors, RefusesEntriesThatMissAPart) {
  expect_corrupt(file_of(R"({"w":[]})"), "'w': not an object");
  expect_corrupt(file_of(R"({"w":{}})"), "'w': no dtype");
  expect_corrupt(file_of(R"({"w":{"dtype":"F32"}})"), "'w': no shape");
  expect_corrupt(file_of(R"({"w":{"dtype":"F32","shape":[1]}})", 4), "'w': no data_offsets");
}

TEST(HostileSafetensors, RefusesBooleansThatAreNone) {
  expect_corrupt(file_of(one_tensor(R"("BOOL")", "[2]", "[0,2]"), 2),
                 "'w': expected booleans, got a byte 42");
}

TEST(HostileSafetensors, RefusesUnknownDtypes) {
  expect_corrupt(file_of(one_tensor(R"("F33")", "[1]", "[0,4]"), 4), "'w': unknown dtype \"F33\"");
  expect_corrupt(file_of(one_tensor(R"("f32")", "[1]", "[0,4]"), 4), "'w': unknown dtype \"f32\"");
  expect_corrupt(file_of(one_tensor("32", "[1]", "[0,4]"), 4), "'w': unknown dtype 32");
  expect_corrupt(file_of(one_tensor(R"("")", "[1]", "[0,4]"), 4), "'w': unknown dtype \"\"");
}

TEST(HostileSafetensors, RefusesShapesThatAreNoListOfSizes) {
  for (const std::string shape :
       {"1", "null", "{}", "[-1]", "[1.5]", "[\"1\"]", "[[1]]", "[true]", "[9223372036854775808]",
        "[99999999999999999999]", "[1,1,1,1,1,1,1,1,1]"}) {
    expect_corrupt(file_of(one_tensor(R"("F32")", shape, "[0,4]"), 4), "'w': bad shape");
  }
}

TEST(HostileSafetensors, RefusesShapesThatOverflow) {
  for (const std::string shape : {"[9223372036854775807]", "[4294967296,4294967296]",
                                  "[4611686018427387904,4]", "[0,4294967296,4294967296]"}) {
    expect_corrupt(file_of(one_tensor(R"("F32")", shape, "[0,0]")), "'w': the shape overflows");
  }
}

TEST(HostileSafetensors, RefusesShapesThatTheOffsetsDoNotFit) {
  expect_corrupt(file_of(one_tensor(R"("F32")", "[2]", "[0,4]"), 4),
                 "'w': the shape needs 8 bytes, the offsets give 4");
  expect_corrupt(file_of(one_tensor(R"("F32")", "[0]", "[0,4]"), 4),
                 "'w': the shape needs 0 bytes, the offsets give 4");
  expect_corrupt(file_of(one_tensor(R"("F32")", "[]", "[0,0]")),
                 "'w': the shape needs 4 bytes, the offsets give 0");
  // What would allocate 4 TB if it were believed.
  expect_corrupt(file_of(one_tensor(R"("F32")", "[1000000000000]", "[0,4]"), 4),
                 "'w': the shape needs 4000000000000 bytes, the offsets give 4");
}

TEST(HostileSafetensors, RefusesOffsetsThatAreNoRange) {
  for (const std::string offsets :
       {"0", "[]", "[0]", "[0,4,8]", "[-4,0]", "[0,4.0]", "[\"0\",4]"}) {
    expect_corrupt(file_of(one_tensor(R"("F32")", "[1]", offsets), 4), "'w': bad data_offsets");
  }
}

TEST(HostileSafetensors, RefusesOffsetsOutsideTheFile) {
  for (const std::string offsets :
       {"[0,8]", "[4,8]", "[4,0]", "[18446744073709551612,18446744073709551615]",
        "[18446744073709551612,0]"}) {
    expect_corrupt(file_of(one_tensor(R"("F32")", "[1]", offsets), 4),
                   "'w': its data lies outside the file");
  }
}

TEST(HostileSafetensors, RefusesTensorsThatShareBytes) {
  expect_corrupt(file_of(two_tensors("[0,8]", "[0,8]"), 8), "tensors overlap");
  expect_corrupt(file_of(two_tensors("[0,8]", "[4,12]"), 12), "tensors overlap");
  expect_corrupt(file_of(two_tensors("[4,12]", "[0,8]"), 12), "tensors overlap");
}

TEST(HostileSafetensors, RefusesBytesOfNoTensor) {
  expect_corrupt(file_of(two_tensors("[0,8]", "[12,20]"), 20), "unused bytes");
  expect_corrupt(file_of(two_tensors("[4,12]", "[12,20]"), 20), "unused bytes");
  expect_corrupt(file_of(two_tensors("[0,8]", "[8,16]"), 17), "bytes after the last tensor");
  expect_corrupt(file_of("{}", 1), "bytes after the last tensor");
}

// A parser that looks at all entries again for each one takes 23 s for these.
TEST(HostileSafetensors, ReadsManyEntriesSoon) {
  constexpr std::size_t kMany = 60'000;
  std::string header = "{";
  for (std::size_t i = 0; i < kMany; ++i) {
    header += str(i == 0 ? "" : ",", R"("blocks.)", i, R"(.weight":{"dtype":"U8","shape":[1],)",
                  R"("data_offsets":[)", i, ',', i + 1, "]}");
  }
  const std::string bytes = file_of(header + "}", kMany);
  const auto start = std::chrono::steady_clock::now();

  const auto read = read_safetensors_header(view_of(bytes));

  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  ASSERT_TRUE(read.ok()) << read.error().what();
  EXPECT_EQ(read->entries.size(), kMany);
}

TEST(HostileSafetensors, ListsUnknownDtypesInTheHeader) {
  const std::string bytes = file_of(one_tensor(R"("F8_E4M3")", "[2,3]", "[0,6]"), 6);

  const auto read = read_safetensors_header(view_of(bytes));

  ASSERT_TRUE(read.ok()) << read.error().what();
  EXPECT_EQ(read->entries.at(0).dtype_name(), "F8_E4M3");
  EXPECT_EQ(read->entries.at(0).shape, (std::vector<std::int64_t>{2, 3}));
  // Their bytes must lie in the file all the same.
  EXPECT_FALSE(
      read_safetensors_header(view_of(file_of(one_tensor(R"("F4")", "[2]", "[0,7]"), 6))).ok());
}

TEST(HostileSafetensors, RefusesNamesThatComeTwice) {
  const std::string tensor = R"("w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  expect_corrupt(file_of("{" + tensor + "," + tensor + "}", 4), "the name \"w\" comes twice");
  expect_corrupt(file_of(R"({"w":{"shape":[1],"shape":[1]}})"), "the name \"shape\" comes twice");
  expect_corrupt(file_of(R"({"__metadata__":{"k":"1","k":"2"}})"), "the name \"k\" comes twice");
  expect_corrupt(file_of(R"({"__metadata__":{},"__metadata__":{}})"), "comes twice");
}

TEST(HostileSafetensors, AllowsOneKeyInSeveralEntries) {
  EXPECT_TRUE(safetensors_unpack(view_of(file_of(two_tensors("[0,8]", "[8,16]"), 16))).ok());
}

TEST(HostileSafetensors, RefusesMetadataThatIsNotText) {
  for (const std::string metadata : {"7", "null", "[\"a\"]"}) {
    expect_corrupt(file_of(R"({"__metadata__":)" + metadata + "}"),
                   "the metadata is not an object");
  }
  for (const std::string metadata : {R"({"k":1})", R"({"k":{"a":"b"}})", R"({"k":null})"}) {
    expect_corrupt(file_of(R"({"__metadata__":)" + metadata + "}"), "the metadata 'k' is not text");
  }
}

Bytes small_file() {
  return safetensors_pack(StateDict({{"a", torch::tensor({1.0F, 2.0F})},
                                     {"b", torch::tensor({true, false})},
                                     {"c", torch::tensor(3, torch::kLong)}}),
                          {{"format", "pt"}});
}

TEST(HostileSafetensors, EveryTruncationIsAnErrorNotACrash) {
  const Bytes bytes = small_file();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto file = safetensors_unpack(ByteView(bytes).first(size));
    ASSERT_FALSE(file.ok()) << "at " << size;
    EXPECT_EQ(file.error().code(), ErrorCode::kCorruptData);
  }
  EXPECT_TRUE(safetensors_unpack(bytes).ok());
}

TEST(HostileSafetensors, OneFlippedBitIsAnErrorOrAnotherState) {
  const Bytes bytes = small_file();
  const auto original = safetensors_unpack(bytes);
  const Digest digest = digest_of(original.value().state);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Bytes flipped = bytes;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    const auto file = safetensors_unpack(flipped);
    if (file.ok() && file.value().metadata == original.value().metadata) {
      EXPECT_NE(digest_of(file.value().state), digest) << "bit " << bit;
    } else if (!file.ok()) {
      EXPECT_EQ(file.error().code(), ErrorCode::kCorruptData);
    }
  }
}

}  // namespace
}  // namespace lorae
