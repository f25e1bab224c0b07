#pragma once

#include <map>
#include <string>

#include "google/protobuf/descriptor.h"
#include "libs/base/json.h"

namespace cleanmail::portal {

// The JSON schemas of messages, gathered as they are named.
class Schemas {
 public:
  // A reference to a message's schema, or the schema itself of a well-known type.
  base::Json Of(const google::protobuf::Descriptor& type);
  // The same without fields that are required: for a PATCH, which says only what changes.
  base::Json ForUpdate(const google::protobuf::Descriptor& type);
  // Of a field's value, with its comment.
  base::Json Of(const google::protobuf::FieldDescriptor& field);
  // An object of some of a message's fields.
  base::Json Object(const google::protobuf::Descriptor& type,
                    const std::map<std::string, bool>& left_out, bool with_required);

  // `#/components/schemas`.
  base::Json Take() { return std::move(components_); }

 private:
  base::Json Value(const google::protobuf::FieldDescriptor& field);
  base::Json Reference(const google::protobuf::Descriptor& type, std::string_view suffix,
                       bool with_required);

  base::Json components_ = base::Json::Object();
};

// The comment before a message, field, method or service, as one text; empty without.
template <class T>
std::string CommentOf(const T& descriptor);

}  // namespace cleanmail::portal
