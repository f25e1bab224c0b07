#include "services/reporting/projection/changes.h"

#include <algorithm>

namespace cleanmail::reporting {

void Apply(const RecipientChange& change, RecipientRow& row) {
  const RecipientRow& said = change.row;
  if (row.accepted_at_us == 0 && said.accepted_at_us != 0) {
    row.tenant = said.tenant;
    row.address = said.address;
    row.domain = said.domain;
    row.account = said.account;
    row.direction = said.direction;
    row.accepted_at_us = said.accepted_at_us;
  }
  if (change.decision.has_value() && change.decision->generation >= row.decision.generation)
    row.decision = *change.decision;
  if (said.verdict_at_us >= row.verdict_at_us && said.verdict != v1::VERDICT_UNSPECIFIED) {
    row.verdict = said.verdict;
    row.verdict_at_us = said.verdict_at_us;
    if (!said.reply.empty()) row.reply = said.reply;
  }
  row.attempts = std::max(row.attempts, said.attempts);
}

}  // namespace cleanmail::reporting
