#include "services/policy/masked.h"

#include <vector>

#include "google/protobuf/util/field_mask_util.h"
#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "libs/rpc/answer.h"

namespace cleanmail::policy {

using google::protobuf::FieldDescriptor;
using google::protobuf::FieldMask;
using google::protobuf::Message;
using google::protobuf::util::FieldMaskUtil;

absl::Status Overlay(const FieldMask& mask, const Message& given, Message& current) {
  FieldMask paths = mask;
  if (mask.paths_size() == 1 && mask.paths(0) == "*") {
    current.CopyFrom(given);
    return absl::OkStatus();
  }
  if (mask.paths().empty()) {
    std::vector<const FieldDescriptor*> set;
    given.GetReflection()->ListFields(given, &set);
    for (const FieldDescriptor* field : set) paths.add_paths(field->name());
  }
  for (const std::string& path : paths.paths()) {
    if (!FieldMaskUtil::GetFieldDescriptors(given.GetDescriptor(), path, nullptr))
      return rpc::WithField(
          absl::InvalidArgumentError(
              base::Cat("update_mask: \"", base::Printable(path, 100), "\" is no field of a ",
                        given.GetDescriptor()->name())),
          "update_mask");
  }
  FieldMaskUtil::MergeOptions options;
  options.set_replace_message_fields(true);
  options.set_replace_repeated_fields(true);
  FieldMaskUtil::MergeMessageTo(given, paths, options, &current);
  return absl::OkStatus();
}

absl::Status CheckEtag(std::string_view given, std::string_view current) {
  if (given.empty() || given == current) return absl::OkStatus();
  return rpc::WithReason(
      absl::AbortedError("etag: somebody has changed it since; read it again"), "ETAG_MISMATCH");
}

}  // namespace cleanmail::policy
