#include "services/egress/consumer.h"

#include <map>

#include "libs/base/cat.h"
#include "libs/mail/address/domain.h"

namespace cleanmail::egress {
namespace {

// Domain of an address in the form routes have.
std::string DestinationOf(const std::string& address) {
  const std::string domain = address.substr(address.rfind('@') + 1);
  if (domain.starts_with('[')) return domain;
  const absl::StatusOr<std::string> normal = mail::address::NormalizeDomain(domain);
  return normal.ok() ? *normal : domain;  // ingress has let through only what can be normalised
}

void AddDeliveries(const Queue& queue, const mail::v1::Message& message, const std::string& stage,
                   const google::protobuf::RepeatedPtrField<std::string>& recipients,
                   std::vector<Delivery>& deliveries) {
  std::map<std::string, std::vector<std::string>> by_destination;
  for (const std::string& address : recipients)
    by_destination[DestinationOf(address)].push_back(address);
  for (auto& [destination, addresses] : by_destination) {
    deliveries.push_back(queue.MakeDelivery(message, stage, destination, std::move(addresses)));
  }
}

}  // namespace

std::vector<absl::Status> OnDisposed(Queue& queue, int own_hops,
                                     std::span<const policy::v1::MailDisposed> batch) {
  std::vector<Delivery> deliveries;
  std::vector<Delivery> looping;
  for (const policy::v1::MailDisposed& disposed : batch) {
    if (disposed.generation() > 1) continue;
    std::vector<Delivery>& where = disposed.message().own_hops() > own_hops ? looping : deliveries;
    for (const mail::v1::RecipientGroup& group : disposed.groups()) {
      if (group.disposition() != mail::v1::DISPOSITION_KIND_DELIVER) continue;
      AddDeliveries(queue, disposed.message(), base::Cat("disposed/", disposed.generation()),
                    group.recipients(), where);
    }
  }
  absl::Status status = queue.Add(std::move(deliveries));
  for (Delivery& delivery : looping) {
    if (status.ok())
      status = queue.Refuse(std::move(delivery),
                            base::Cat("554 5.4.6 The message has passed this gateway more than ",
                                      own_hops, " times: it loops"));
  }
  return std::vector<absl::Status>(batch.size(), status);
}

std::vector<absl::Status> OnReleased(Queue& queue,
                                     std::span<const quarantine::v1::MailReleased> batch) {
  std::vector<Delivery> deliveries;
  for (const quarantine::v1::MailReleased& released : batch) {
    AddDeliveries(queue, released.message(), base::Cat("released/", released.release_id()),
                  released.recipients(), deliveries);
  }
  return std::vector<absl::Status>(batch.size(), queue.Add(std::move(deliveries)));
}

}  // namespace cleanmail::egress
