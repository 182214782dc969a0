#include "client/kept_model.h"

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "tensors/torch.h"
#include "tests/base/temporary_folder.h"

namespace lorae::client {
namespace {

namespace fs = std::filesystem;

adapters::Adapter adapter(double value) {
  return {{.model = "resnet8",
           .kind = adapters::Kind::kHead,
           .classes = 2,
           .round = RoundId{3},
           .about = "{}"},
          StateDict({{"head.weight", torch::full({2, 2}, value)}})};
}

TEST(KeptModel, IsAnAdapterBesideItsBackboneAndIsReplacedByTheNextRuns) {
  const TemporaryFolder folder;
  const fs::path kept = folder / "models/cam-1";
  write_file_atomic(folder / "one", std::string_view("backbone 1"));
  write_file_atomic(folder / "two", std::string_view("backbone 2"));
  EXPECT_FALSE(is_kept_model(kept));

  keep_model(kept, adapter(1), folder / "one");

  EXPECT_TRUE(is_kept_model(kept));
  EXPECT_TRUE(fs::equivalent(kept / kBackboneFile, folder / "one")) << "no second copy of it";
  EXPECT_EQ(adapters::load_adapter(kept / kAdapterFile).info.round, RoundId{3});

  keep_model(kept, adapter(2), folder / "one");
  keep_model(kept, adapter(4), folder / "two");

  EXPECT_EQ(read_file(kept / kBackboneFile), read_file(folder / "two"));
  EXPECT_EQ(text_of(read_file(folder / "one")), "backbone 1") << "the old one is only let go";
  const auto loaded = adapters::load_adapter(kept / kAdapterFile);
  EXPECT_EQ(loaded.state.at("head.weight")[0][0].item<double>(), 4);
}

}  // namespace
}  // namespace lorae::client
