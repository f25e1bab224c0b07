// What a person may ask of holds.
#include "services/quarantine/store.h"

namespace cleanmail::quarantine {

const rpc::resource::FilterSchema& HoldSchema() {
  using rpc::resource::FieldType;
  const auto number = [](int value) { return std::to_string(value); };
  static const rpc::resource::FilterSchema kSchema = {
      .fields = {{"sender", {}},
                 {"recipient", {}},
                 {"subject", {}},
                 {"id", {}},
                 {"rule", {}},
                 {"policy", {}},
                 {"policy_scope", {}},
                 {"quarantine", {}},
                 {"domain", {}},
                 {"assigned_to", {}},
                 {"policy_version", {.type = FieldType::kInteger}},
                 {"size", {.type = FieldType::kInteger}},
                 {"score", {.type = FieldType::kNumber}},
                 {"time", {.type = FieldType::kTime}},
                 {"kind",
                  {.type = FieldType::kWord,
                   .words = {{"spam", number(mail::v1::HOLD_KIND_SPAM)},
                             {"virus", number(mail::v1::HOLD_KIND_VIRUS)},
                             {"could_not_scan", number(mail::v1::HOLD_KIND_COULD_NOT_SCAN)},
                             {"undeliverable", number(mail::v1::HOLD_KIND_UNDELIVERABLE)},
                             {"unprocessed", number(mail::v1::HOLD_KIND_UNPROCESSED)},
                             {"policy", number(mail::v1::HOLD_KIND_POLICY)},
                             {"attachment", number(mail::v1::HOLD_KIND_ATTACHMENT)},
                             {"unlisted", number(mail::v1::HOLD_KIND_UNLISTED)}}}},
                 {"state",
                  {.type = FieldType::kWord,
                   .words = {{"held", number(v1::HOLD_STATE_HELD)},
                             {"released", number(v1::HOLD_STATE_RELEASED)},
                             {"delivered", number(v1::HOLD_STATE_DELIVERED)},
                             {"failed", number(v1::HOLD_STATE_FAILED)},
                             {"deleted", number(v1::HOLD_STATE_DELETED)},
                             {"expired", number(v1::HOLD_STATE_EXPIRED)}}}}},
      .bare = "subject"};
  return kSchema;
}

}  // namespace cleanmail::quarantine
