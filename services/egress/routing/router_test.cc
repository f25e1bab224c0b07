#include "services/egress/routing/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "libs/dns/fake_resolver.h"

namespace cleanmail::egress {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RouterTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::vector<Target>> Find(const std::string& domain,
                                           RouterOptions options = {
                                               .host_name = "gateway.example"}) {
    options.timeout = absl::Milliseconds(300);
    Router router(directory_, resolver_, options);
    absl::Notification found;
    absl::StatusOr<std::vector<Target>> result;
    router.Find("acme", domain, [&](absl::StatusOr<std::vector<Target>> targets) {
      result = std::move(targets);
      found.Notify();
    });
    EXPECT_TRUE(found.WaitForNotificationWithTimeout(absl::Seconds(10)));
    return result;
  }
  std::vector<std::string> Texts(const std::string& domain,
                                 RouterOptions options = {.host_name = "gateway.example"}) {
    const auto targets = Find(domain, options);
    EXPECT_TRUE(targets.ok()) << targets.status();
    std::vector<std::string> texts;
    if (targets.ok()) {
      for (const Target& target : *targets)
        texts.push_back(target.host + " " + target.endpoint.ToString());
    }
    return texts;
  }
  void SetRoute(std::vector<std::string> destinations) {
    provisioning::v1::DirectoryChanged change;
    change.set_name("tenants/acme/routes/example.org");
    change.mutable_route()->set_name(change.name());
    for (const std::string& destination : destinations)
      change.mutable_route()->add_destinations(destination);
    directory_.Apply(change);
  }

  directory::Directory directory_;
  dns::FakeResolver resolver_;
};

TEST_F(RouterTest, TheTenantsRouteComesBeforeMxAndMayBePrivate) {
  resolver_.SetMx("example.org", {{10, "mx.example.org"}});
  resolver_.SetA("mail.inside", {"10.0.0.7"});
  SetRoute({"mail.inside:2525", "192.168.1.1"});
  EXPECT_THAT(Texts("example.org"),
              ElementsAre("mail.inside 10.0.0.7:2525", "192.168.1.1 192.168.1.1:25"));
}

TEST_F(RouterTest, ARouteThatLeadsToTheGatewayItselfIsRefusedByWhatItsNameMeansNow) {
  resolver_.SetA("mail.inside", {"127.0.0.1", "169.254.169.254"});
  SetRoute({"mail.inside:2525"});
  EXPECT_TRUE(absl::IsFailedPrecondition(Find("example.org").status()));
  const auto trial = net::DestinationPolicy::Create(
      {.allow_loopback = true, .forbidden_networks = {}, .allowed_networks = {}});
  RouterOptions options{.host_name = "gateway.example"};
  options.destinations = *trial;
  EXPECT_THAT(Texts("example.org", options), ElementsAre("mail.inside 127.0.0.1:2525"));
}

TEST_F(RouterTest, B3_AnAliasDomainGoesWhereTheDomainItStandsForGoes) {
  provisioning::v1::DirectoryChanged change;
  for (const char* alias_of : {"", "example.org"}) {
    const std::string domain = *alias_of == 0 ? "example.org" : "alias.example";
    change.set_name("tenants/acme/domains/" + domain);
    change.mutable_domain()->set_name(change.name());
    change.mutable_domain()->set_alias_of(alias_of);
    directory_.Apply(change);
  }
  SetRoute({"10.0.0.7:2525"});
  EXPECT_THAT(Texts("alias.example"), ElementsAre("10.0.0.7 10.0.0.7:2525"));
}

TEST_F(RouterTest, FollowsMxByPreferenceWithAllAddresses) {
  resolver_.SetMx("example.net", {{20, "b.example.net"}, {10, "a.example.net"}});
  resolver_.SetA("a.example.net", {"198.51.100.1"});
  resolver_.SetAaaa("a.example.net", {"2001:4860::1"});
  resolver_.SetA("b.example.net", {"198.51.100.2"});
  EXPECT_THAT(
      Texts("example.net",
            {.host_name = "gateway.example", .mx_may_be_private = true, .destinations = {}}),
      ElementsAre("a.example.net 198.51.100.1:25", "a.example.net [2001:4860::1]:25",
                  "b.example.net 198.51.100.2:25"));
}

TEST_F(RouterTest, WithoutMxTheDomainsOwnAddressIsUsed) {  // RFC 5321 §5.1
  resolver_.SetA("example.net", {"8.8.8.8"});
  EXPECT_THAT(Texts("example.net"), ElementsAre("example.net 8.8.8.8:25"));
}

TEST_F(RouterTest, ANullMxTakesNoMail) {  // RFC 7505
  resolver_.SetMx("example.net", {{0, ""}});
  resolver_.SetA("example.net", {"8.8.8.8"});
  EXPECT_TRUE(absl::IsNotFound(Find("example.net").status()));
}

TEST_F(RouterTest, ADomainThatDoesNotExistIsFinalAndDnsAwayIsNot) {
  EXPECT_TRUE(absl::IsNotFound(Find("nowhere.example").status()));
  resolver_.Fail("");
  EXPECT_TRUE(absl::IsUnavailable(Find("example.net").status()));
  resolver_.Heal();
  resolver_.Hang("");
  EXPECT_TRUE(absl::IsUnavailable(Find("example.net").status()));
}

TEST_F(RouterTest, T_A10_ServersBehindUsInTheListAreLeftOut) {  // RFC 5321 §5.1
  resolver_.SetMx("example.net",
                  {{10, "a.example.net"}, {20, "gateway.example"}, {30, "c.example.net"}});
  resolver_.SetA("a.example.net", {"8.8.8.8"});
  resolver_.SetA("c.example.net", {"8.8.4.4"});
  EXPECT_THAT(Texts("example.net"), ElementsAre("a.example.net 8.8.8.8:25"));
  resolver_.SetMx("example.com", {{10, "gateway.example"}, {20, "c.example.net"}});
  EXPECT_TRUE(absl::IsFailedPrecondition(Find("example.com").status()));
}

TEST_F(RouterTest, AnMxThatPointsInsideIsRefused) {
  resolver_.SetMx("example.net", {{10, "a.example.net"}});
  resolver_.SetA("a.example.net", {"127.0.0.1", "10.1.2.3", "169.254.169.254"});
  EXPECT_TRUE(absl::IsFailedPrecondition(Find("example.net").status()));
  EXPECT_THAT(
      Texts("example.net",
            {.host_name = "gateway.example", .mx_may_be_private = true, .destinations = {}}),
      SizeIs(3));
}

TEST_F(RouterTest, AnAddressLiteralNeedsNoDns) {
  resolver_.Fail("");
  EXPECT_THAT(Texts("[8.8.8.8]"), ElementsAre("8.8.8.8 8.8.8.8:25"));
  EXPECT_THAT(Texts("[IPv6:2001:4860::8]"), ElementsAre("2001:4860::8 [2001:4860::8]:25"));
  EXPECT_TRUE(absl::IsFailedPrecondition(Find("[127.0.0.1]").status()));
}

TEST_F(RouterTest, AnEndlessListIsCut) {
  std::vector<dns::MxRecord> mx;
  for (int i = 0; i < 200; ++i) {
    const std::string host = "h" + std::to_string(i) + ".example.net";
    mx.push_back({static_cast<uint16_t>(i), host});
    resolver_.SetA(host, {"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1"});
  }
  resolver_.SetMx("example.net", mx);
  EXPECT_THAT(Texts("example.net"), SizeIs(20));
}

}  // namespace
}  // namespace cleanmail::egress
