#include "services/egress/consumer.h"

#include "libs/base/cat.h"
#include "services/egress/queue/fan_out.h"

namespace cleanmail::egress {

std::vector<absl::Status> OnDisposed(const ConsumerParts& parts,
                                     std::span<const policy::v1::MailDisposed> batch) {
  std::vector<Delivery> deliveries;
  std::vector<Delivery> looping;
  for (const policy::v1::MailDisposed& disposed : batch) {
    if (disposed.generation() > 1) continue;
    const bool loops = disposed.message().own_hops() > parts.own_hops;
    for (Delivery& delivery : FanOut(disposed, parts.host_name, parts.clock.Now()))
      (loops ? looping : deliveries).push_back(std::move(delivery));
  }
  absl::Status status = parts.queue.Add(std::move(deliveries));
  for (Delivery& delivery : looping) {
    if (status.ok())
      status = parts.queue.Refuse(std::move(delivery),
                                  base::Cat("554 5.4.6 The message has passed this gateway more "
                                            "than ",
                                            parts.own_hops, " times: it loops"));
  }
  return std::vector<absl::Status>(batch.size(), status);
}

std::vector<absl::Status> OnReleased(const ConsumerParts& parts,
                                     std::span<const quarantine::v1::MailReleased> batch) {
  std::vector<Delivery> deliveries;
  for (const quarantine::v1::MailReleased& released : batch) {
    for (Delivery& delivery : FanOut(released, parts.clock.Now()))
      deliveries.push_back(std::move(delivery));
  }
  return std::vector<absl::Status>(batch.size(), parts.queue.Add(std::move(deliveries)));
}

}  // namespace cleanmail::egress
