#pragma once

#include <string_view>

namespace cleanmail::scanner {

// Words, lower case, of links and sentences by which one leaves a mailing. Stems, where a language
// bends them.
inline constexpr std::string_view kUnsubscribeWords[] = {
    "unsubscribe",
    "opt out",
    "opt-out",
    "email preferences",
    "manage preferences",
    "manage your preferences",
    "update your preferences",
    "subscription preferences",
    "notification settings",
    "manage your subscription",
    "no longer wish to receive",
    "stop receiving",
    "abmelden",
    "abbestellen",
    "abzubestellen",
    "austragen",
    "désinscri",
    "désabonn",
    "se desinscrire",
    "ne plus recevoir",
    "darse de baja",
    "darme de baja",
    "cancelar suscripción",
    "cancelar la suscripción",
    "disiscriv",
    "cancellati",
    "annulla l'iscrizione",
    "uitschrijven",
    "afmelden",
    "avregistrera",
    "avprenumerera",
    "avmeld",
    "afmeld",
    "peruuta tilaus",
    "descadastr",
    "cancelar inscrição",
    "cancelar subscrição",
    "wypisz",
    "rezygnuj",
    "odhlásit",
    "odhlásiť",
    "odjav",
    "leiratkoz",
    "dezabon",
    "отписат",
    "відписат",
    "üyelikten",
    "aboneliğ",
    "配信停止",
    "退订",
    "退訂",
    "取消订阅",
    "取消訂閱",
    "수신거부",
    "수신 거부",
};

// Fields mailing services put into what they send.
inline constexpr std::string_view kMailerFields[] = {
    "Feedback-ID",
    "X-CSA-Complaints",
    "X-MC-User",
    "X-Mailgun-Sid",
    "X-SG-EID",
    "X-SES-Outgoing",
    "X-Campaign",
    "X-CampaignID",
    "X-Campaign-ID",
    "X-Mailin-Campaign",
    "X-Mailin-EID",
    "X-rpcampaign",
    "X-SFMC-Stack",
    "X-Job",
    "X-MailingID",
    "X-Mailing-ID",
    "X-Report-Abuse",
    "X-Report-Abuse-To",
    "X-EMV-CampagneId",
    "X-Mandrill-User",
    "X-PM-Message-Id",
    "X-MSYS-API",
    "X-Mailer-RecptId",
    "X-Mailer-LID",
    "X-CleverReach-Camp",
    "X-ulpe",
    "X-InboxPlacement",
    "X-Msg-EID",
    "X-Klaviyo-Message-ID",
    "X-HS-Cid",
    "X-Marketo-MKTOID",
    "X-Infusion",
};

// Fields of programs for lists people write to.
inline constexpr std::string_view kListFields[] = {
    "X-Mailman-Version", "X-BeenThere",      "X-Mailing-List", "X-ML-Name",
    "X-Sympa-To",        "X-Loop-List",      "X-LSV-ListID",   "X-Google-Group-Id",
    "X-Ecartis-Version", "X-eGroups-Return", "X-Sequence",
};

// Words, lower case, of subjects of reports on other mail.
inline constexpr std::string_view kReportWords[] = {
    "undeliver",        "returned mail",
    "delivery status",  "delivery failure",
    "delivery failed",  "failure notice",
    "failed delivery",  "mail delivery",
    "delivery report",  "delivery notification",
    "delivery error",   "delayed",
    "rejected mail",    "mail system error",
    "non-delivery",     "nondeliver",
    "unzustellbar",     "non remis",
    "non délivr",       "no entregado",
    "mancato recapito",
};

// Words, lower case, of subjects of what machines write about one's own business.
inline constexpr std::string_view kBusinessWords[] = {
    "order",           "invoice",      "receipt",     "payment",        "shipped",
    "shipment",        "delivery",     "delivered",   "tracking",       "password",
    "verification",    "verify",       "confirm",     "security alert", "sign-in",
    "new login",       "one-time",     "code",        "reset",          "booking",
    "reservation",     "ticket",       "statement",   "reminder",       "appointment",
    "backup",          "cron",         "build",       "alert",          "notification",
    "report",          "failed",       "succeeded",   "expires",        "renewal",
    "bestellung",      "rechnung",     "zahlung",     "lieferung",      "versand",
    "passwort",        "bestätigung",  "buchung",     "termin",         "erinnerung",
    "sicherheitscode", "commande",     "facture",     "paiement",       "livraison",
    "mot de passe",    "confirmation", "réservation", "rappel",         "pedido",
    "factura",         "pago",         "envío",       "contraseña",     "ordine",
    "fattura",         "pagamento",    "conferma",    "bestelling",     "factuur",
    "betaling",        "zamówienie",   "faktura",     "заказ",          "счет",
};

}  // namespace cleanmail::scanner
