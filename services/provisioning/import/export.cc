#include "services/provisioning/import/export.h"

#include "libs/base/cat.h"
#include "services/provisioning/import/csv.h"
#include "services/provisioning/rules.h"

namespace cleanmail::provisioning::import {
namespace {

template <class Texts>
std::string Joined(const Texts& texts) {
  std::string all;
  for (const std::string& text : texts) all += base::Cat(all.empty() ? "" : " ", text);
  return all;
}

}  // namespace

std::string HeaderLine() { return "address,display_name,aliases,groups,policy\r\n"; }

std::string ToLine(const v1::User& user, const std::vector<std::string>& groups) {
  return base::Cat(ToField(IdOf(user.name())), ",", ToField(user.display_name()), ",",
                   ToField(Joined(user.aliases())), ",", ToField(Joined(groups)), ",",
                   ToField(user.policy()), "\r\n");
}

}  // namespace cleanmail::provisioning::import
