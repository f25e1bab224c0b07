"""One of each kind of resource, made for a tenant and marked with a word that must never be seen by another.

A row says how a collection of the API gets a member: a body to POST, or a step of its own. A collection of the OpenAPI document without a row makes
the test fail: add the row when a room gets a new collection."""

GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

# Collection path -> body to POST there. {t}: tenant id; {d}: its domain; {m}: the marker. In the order they are made.
BODIES = [
    ("/v1/tenants/{tenant}/domains", {"name": "tenants/{t}/domains/{d}", "recipientMode": "RECIPIENT_MODE_ANY"}),
    ("/v1/tenants/{tenant}/users", {"name": "tenants/{t}/users/ann@{d}", "displayName": "{m}", "aliases": ["{m}@{d}"]}),
    ("/v1/tenants/{tenant}/groups", {"name": "tenants/{t}/groups/{m}", "displayName": "{m}", "members": ["ann@{d}"]}),
    ("/v1/tenants/{tenant}/routes", {"name": "tenants/{t}/routes/{d}", "destinations": ["192.0.2.1:2525"]}),
    ("/v1/tenants/{tenant}/observedAddresses", {"name": "tenants/{t}/observedAddresses/{m}x@{d}", "review": "REVIEW_KEPT"}),
    ("/v1/tenants/{tenant}/imports", {"kind": "IMPORT_KIND_USERS", "dryRun": True, "content": "YWRkcmVzcwo="}),
    ("/v1/tenants/{tenant}/policies", {"name": "tenants/{t}/policies/{m}", "displayName": "{m}"}),
    ("/v1/tenants/{tenant}/listEntries", {"name": "tenants/{t}/listEntries/{m}", "sender": "{m}.example", "kind": "KIND_BLOCK", "comment": "{m}"}),
    ("/v1/tenants/{tenant}/erasures", {"address": "{m}z@{d}"}),
    ("/v1/tenants/{tenant}/apiTokens", {"role": "ROLE_TENANT", "description": "{m}"}),
]

# Collections whose members come from mail or from other resources: why there is no body for them.
MADE_OTHERWISE = {
    "/v1/tenants/{tenant}/holds": "a spam to the tenant",
    "/v1/tenants/{tenant}/deliveries": "a mail to a destination that is away",
    "/v1/tenants/{tenant}/messages": "every mail",
    "/v1/tenants/{tenant}/refusals": "a refusal in session",
    "/v1/tenants/{tenant}/auditEntries": "every change",
    "/v1/tenants/{tenant}/counts": "every mail",
    "/v1/tenants/{tenant}/holdBatches": "bulk work on holds",
    "/v1/tenants/{tenant}/calloutEntries": "a call-out, which needs a destination that answers",
    "/v1/tenants/{tenant}/calloutStatuses": "a domain with call-out",
    "/v1/tenants/{tenant}/policies/{policy}/versions": "a policy",
    "/v1/tenants/{tenant}/dryRuns": "a policy tried on past mail",
    "/v1/tenants/{tenant}/imports/{import}/lines": "an import",
}


def filled(value, **words):
    if isinstance(value, str):
        for key, word in words.items():
            value = value.replace("{%s}" % key, word)
        return value
    if isinstance(value, list):
        return [filled(item, **words) for item in value]
    if isinstance(value, dict):
        return {key: filled(item, **words) for key, item in value.items()}
    return value
