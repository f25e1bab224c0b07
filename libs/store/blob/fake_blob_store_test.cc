#include "libs/store/blob/fake_blob_store.h"

#include <gtest/gtest.h>

namespace cleanmail::blob {
namespace {

TEST(FakeBlobStore, KeepsABodyOnceItsBatchIsTaken) {
  FakeBlobStore blobs;
  const BlobName name{"acme", "m1"};
  auto writer = *blobs.Create(name);
  EXPECT_TRUE(writer->Append("hello", [] {}));
  std::unique_ptr<Finished> finished;
  writer->Finish(
      [&](absl::StatusOr<std::unique_ptr<Finished>> result) { finished = *std::move(result); });
  EXPECT_EQ(blobs.Read(name).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(finished->TakeBatch().has_value());
  EXPECT_EQ(*blobs.Read(name), "hello");
}

}  // namespace
}  // namespace cleanmail::blob
