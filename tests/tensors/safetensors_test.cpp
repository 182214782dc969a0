#include "tensors/safetensors.h"

#include <cstring>
#include <fstream>

#include "base/atomic_file.h"
#include "tensors/torch.h"
#include "tests/base/temporary_folder.h"
#include "tests/tensors/helpers.h"

namespace lorae {
namespace {

using testing::expect_error;
using testing::same_bits;

/// One tensor of each dtype, a scalar and an empty one.
StateDict every_dtype() {
  std::vector<StateDict::Entry> entries;
  for (const auto type : {torch::kFloat, torch::kHalf, torch::kBFloat16, torch::kDouble,
                          torch::kLong, torch::kInt, torch::kShort, torch::kChar, torch::kByte}) {
    entries.emplace_back(str("x.", c10::toString(type)),
                         torch::tensor({1, 0, 5, 127, 3, 2}).view({2, 3}).to(type));
  }
  entries.emplace_back("x.Bool", torch::tensor({true, false, true}));
  entries.emplace_back("scalar", torch::tensor(-2.5F));
  entries.emplace_back("empty", torch::empty({3, 0, 2}, torch::kHalf));
  return StateDict(std::move(entries));
}

template <typename T>
std::string raw(std::initializer_list<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.begin(), bytes.size());
  return bytes;
}

TEST(Safetensors, RoundTripsEveryDtypeScalarsAndEmptyTensors) {
  const StateDict state = every_dtype();

  const auto file = safetensors_unpack(safetensors_pack(state));

  ASSERT_TRUE(file.ok()) << file.error().what();
  EXPECT_EQ(file.value().state.size(), 12U);
  EXPECT_TRUE(same_bits(file.value().state, state));
  EXPECT_TRUE(file.value().metadata.empty());
}

TEST(Safetensors, RoundTripsTheBitsOfSpecialNumbers) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const StateDict state(
      {{"w", torch::tensor({std::nanf(""), kInfinity, -kInfinity, -0.0F, 1e-45F})}});
  EXPECT_TRUE(same_bits(safetensors_unpack(safetensors_pack(state)).value().state, state));
}

TEST(Safetensors, RoundTripsMetadata) {
  const Metadata metadata{{"format", "pt"}, {"quoted \"text\"", "gr\xc3\xbc\xc3\x9f\n"}, {"", ""}};
  EXPECT_EQ(safetensors_unpack(safetensors_pack({}, metadata)).value().metadata, metadata);
}

TEST(Safetensors, WritesEqualBytesForEqualStates) {
  const at::Tensor matrix = torch::arange(6, torch::kFloat).view({2, 3});
  const at::Tensor strided = matrix.t().contiguous().t();
  const StateDict first({{"a", matrix}, {"b", torch::ones({1})}});
  const StateDict second({{"b", torch::ones({1})}, {"a", strided}});
  EXPECT_EQ(safetensors_pack(first, {{"k", "v"}}), safetensors_pack(second, {{"k", "v"}}));
}

TEST(Safetensors, WritesTheBytesOfTheFormat) {
  const StateDict state({{"b", torch::tensor({1.0F, -2.0F})},
                         {"a", torch::tensor({3, 4}, torch::kShort).view({2, 1})}});
  std::string header = R"({"a":{"data_offsets":[0,4],"dtype":"I16","shape":[2,1]},)"
                       R"("b":{"data_offsets":[4,12],"dtype":"F32","shape":[2]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');

  const Bytes bytes = safetensors_pack(state);

  EXPECT_EQ(text_of(bytes), raw<std::uint64_t>({header.size()}) + header +
                                raw<std::int16_t>({3, 4}) + raw({1.0F, -2.0F}));
}

// As safetensors.torch.save writes {"bias": ..., "step": ..., "weight": ...}: metadata first, then
// tensors by falling alignment and name, keys in the order of its struct, padded by spaces.
TEST(Safetensors, ReadsAFileOfPythonsLibrary) {
  std::string header = R"({"__metadata__":{"format":"pt"},)"
                       R"("step":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                       R"("bias":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},)"
                       R"("weight":{"dtype":"F16","shape":[2,1],"data_offsets":[16,20]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::string bytes = raw<std::uint64_t>({header.size()}) + header +
                            raw<std::int64_t>({1234567890123}) + raw({0.5F, -1.25F}) +
                            std::string("\x00\x3c\x00\xc0", 4);  // 1 and -2 in float16

  const auto file = safetensors_unpack(view_of(bytes));

  ASSERT_TRUE(file.ok()) << file.error().what();
  const StateDict& state = file.value().state;
  EXPECT_EQ(file.value().metadata, (Metadata{{"format", "pt"}}));
  EXPECT_EQ(state.at("step").item<std::int64_t>(), 1234567890123);
  EXPECT_EQ(state.at("step").dim(), 0);
  EXPECT_TRUE(state.at("bias").equal(torch::tensor({0.5F, -1.25F})));
  EXPECT_TRUE(state.at("weight").equal(torch::tensor({{1.0F}, {-2.0F}}).to(torch::kHalf)));
  EXPECT_EQ(state.size(), 3U);
}

TEST(Safetensors, ReadsAFileWithoutTensors) {
  const auto file = safetensors_unpack(view_of(raw<std::uint64_t>({2}) + "{}"));
  ASSERT_TRUE(file.ok()) << file.error().what();
  EXPECT_TRUE(file.value().state.empty());
}

TEST(Safetensors, TensorsOutliveTheBytes) {
  Bytes bytes = safetensors_pack(StateDict({{"w", torch::tensor({1.0F, 2.0F})}}));
  const auto file = safetensors_unpack(bytes);
  std::fill(bytes.begin(), bytes.end(), std::byte{0xFF});
  EXPECT_TRUE(file.value().state.at("w").equal(torch::tensor({1.0F, 2.0F})));
}

TEST(Safetensors, ViewsAreTheBytesAndKeepThem) {
  const StateDict state({{"a", torch::rand({3, 2})}, {"b", torch::rand({5})}});
  auto bytes = std::make_shared<const Bytes>(safetensors_pack(state));
  const std::byte* begin = bytes->data();
  const std::byte* end = begin + bytes->size();
  const StateDict view = safetensors_view(bytes).value().state;
  bytes.reset();

  EXPECT_TRUE(same_bits(view, state));
  const auto* data = static_cast<const std::byte*>(view.at("b").data_ptr());
  EXPECT_TRUE(begin < data && data < end);
  EXPECT_FALSE(safetensors_view(std::make_shared<const Bytes>(3)).ok());
}

TEST(Safetensors, NamesDtypesAsTheFormatDoes) {
  EXPECT_EQ(safetensors_dtype(torch::kBFloat16), "BF16");
  EXPECT_EQ(safetensors_dtype(torch::kBool), "BOOL");
  expect_error(
      ErrorCode::kInvalidArgument, [] { safetensors_dtype(torch::kComplexDouble); },
      "[safetensors] no dtype for ComplexDouble");
}

TEST(Safetensors, SavesAndLoadsAFile) {
  const TemporaryFolder folder;
  const StateDict state = every_dtype();
  save_safetensors(folder / "w.safetensors", state, {{"k", "v"}});
  const SafetensorsFile file = load_safetensors(folder / "w.safetensors");
  EXPECT_TRUE(same_bits(file.state, state));
  EXPECT_EQ(file.metadata.at("k"), "v");
}

TEST(Safetensors, LoadingNamesTheFileThatIsDamaged) {
  const TemporaryFolder folder;
  std::ofstream(folder / "w.safetensors") << "no";
  expect_error(
      ErrorCode::kCorruptData, [&] { load_safetensors(folder / "w.safetensors"); },
      str("'", (folder / "w.safetensors").string(),
          "': [safetensors] too short; fetch or make the file again"));
}

TEST(Safetensors, LoadingNamesTheFileThatIsMissing) {
  const TemporaryFolder folder;
  expect_error(
      ErrorCode::kInvalidConfig, [&] { load_safetensors(folder / "none.safetensors"); },
      "none.safetensors");
}

TEST(Safetensors, MappedTensorsAreTheFilesAndNeverChangeIt) {
  const TemporaryFolder folder;
  const auto path = folder / "x.safetensors";
  const StateDict state = every_dtype();
  save_safetensors(path, state, {{"k", "v"}});
  {
    SafetensorsFile mapped = map_safetensors(path);
    EXPECT_TRUE(same_bits(mapped.state, state));
    EXPECT_EQ(mapped.metadata.at("k"), "v");
    for (const auto& [name, tensor] : mapped.state) {
      tensor.zero_();
    }
  }
  EXPECT_TRUE(same_bits(load_safetensors(path).state, state));
  at::Tensor alone = map_safetensors(path).state.begin()->second;
  EXPECT_EQ(alone.sizes(), state.begin()->second.sizes()) << "outlives the other tensors";
}

TEST(Safetensors, MappingNamesWhatIsWrongWithTheFile) {
  const TemporaryFolder folder;
  expect_error(
      ErrorCode::kInvalidConfig, [&] { map_safetensors(folder / "none"); }, "none");
  expect_error(
      ErrorCode::kInvalidConfig, [&] { map_safetensors(folder.path()); }, "it is no file");
  std::ofstream(folder / "empty") << "";
  expect_error(
      ErrorCode::kCorruptData, [&] { map_safetensors(folder / "empty"); }, "too short");
}

}  // namespace
}  // namespace lorae
