#include "base/digest.h"

#include <gtest/gtest.h>

#include "tests/base/support.h"

namespace lorae {
namespace {

// Golden: hashlib.blake2b(m, digest_size=32).hexdigest() of Python 3.11.
TEST(Digest, IsBlake2b256) {
  EXPECT_EQ(digest_of(view_of("abc")).hex(),
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
  EXPECT_EQ(digest_of({}).hex(),
            "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
}

TEST(Digest, DoesNotDependOnHowTheStreamIsCut) {
  const std::string text(1000, 'x');
  Hasher hasher;
  hasher.add(text.substr(0, 1));
  hasher.add(std::string_view{});
  hasher.add(text.substr(1, 700));
  hasher.add(view_of(text).subspan(701));

  EXPECT_EQ(hasher.finish(), digest_of(view_of(text)));
}

TEST(Digest, ComparesByItsBytes) {
  const Digest a = digest_of(view_of("a"));
  const Digest b = digest_of(view_of("b"));

  EXPECT_NE(a, b);
  EXPECT_EQ(a < b, a.hex() < b.hex());
  EXPECT_EQ(to_hex(a.view()), a.hex());
}

}  // namespace
}  // namespace lorae
