#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace cleanmail::blob {

inline constexpr char kNoSuchKey[] = "NoSuchKey";

struct S3Upload {
  std::string key, id;
  std::string begun;  // RFC 3339
};

// What of an answer in XML is of use here: a listing of objects (ListObjectsV2), of folders in it
// (CommonPrefixes), of uploads not completed (ListMultipartUploads), or an upload's id.
struct S3Answer {
  std::vector<std::string> keys = {};
  std::vector<std::string> folders = {};
  std::vector<S3Upload> uploads = {};
  std::string upload_id = {};
  std::string next = {};   // token of the next page, "" at the end
  std::string error = {};  // code of an <Error>, of several rather one that is not kNoSuchKey
};

// Takes elements by name wherever they stand; what it does not know it passes over. DataLoss: tags
// do not match, or a text holds an entity that is none.
absl::StatusOr<S3Answer> ParseS3Answer(std::string_view xml);

}  // namespace cleanmail::blob
