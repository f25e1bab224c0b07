#include "libs/testing/mail_room.h"

#include "libs/mail/address/mailbox.h"

namespace cleanmail::testing {

using mail::smtp::Reply;
using mail::smtp::ServerEvent;
namespace replies = mail::smtp::replies;

Reply MailRoom::ReplyTo(const std::string& key, Reply otherwise) const {
  const auto found = answers_.find(key);
  return found == answers_.end() ? otherwise : found->second;
}

std::string MailRoom::Take(std::string_view bytes) {
  std::string out;
  while (!closed_ && !wants_tls_) {
    const ServerEvent event = machine_->Next(bytes);
    if (event == ServerEvent::kNeedInput) break;
    Answer(event);
  }
  return out + machine_->TakeOutput();
}

void MailRoom::Answer(ServerEvent event) {
  switch (event) {
    case ServerEvent::kNeedInput:
      return;
    case ServerEvent::kMail:
      current_ = {.sender = ToText(machine_->sender()),
                  .eight_bit = machine_->parameters().eight_bit,
                  .smtp_utf8 = machine_->parameters().smtp_utf8,
                  .tls = machine_->tls()};
      return machine_->AnswerMail(ReplyTo("MAIL", replies::SenderOk()));
    case ServerEvent::kRecipients: {
      std::vector<Reply> answers;
      for (const mail::address::Mailbox& recipient : machine_->recipients()) {
        const std::string text = ToText(recipient);
        answers.push_back(ReplyTo(text, replies::RecipientOk()));
        if (answers.back().positive()) current_.recipients.push_back(text);
      }
      return machine_->AnswerRecipients(answers);
    }
    case ServerEvent::kData: {
      const Reply reply = ReplyTo("DATA", replies::SendData());
      return machine_->AnswerData(reply.positive() ? std::nullopt : std::optional(reply));
    }
    case ServerEvent::kContent:
      current_.content += machine_->content();
      return;
    case ServerEvent::kMessageEnd: {
      const Reply reply = ReplyTo("END", replies::Queued(std::to_string(messages_.size() + 1)));
      current_.chunked = machine_->chunking();
      if (reply.positive()) messages_.push_back(current_);
      return machine_->AnswerMessage(reply);
    }
    case ServerEvent::kMessageBad:
    case ServerEvent::kAbandoned:
      current_ = {};
      return;
    case ServerEvent::kStartTls:
      wants_tls_ = true;
      return;
    case ServerEvent::kClose:
      closed_ = true;
      return;
  }
}

}  // namespace cleanmail::testing
