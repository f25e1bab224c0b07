#include "services/scanner/analyzers/wording/words.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <unordered_map>

#include "libs/mail/mime/normalize.h"

namespace cleanmail::scanner {
namespace {

constexpr size_t kLongestWord = 30;

// Folded words of English, German, French, Spanish, Portuguese, Italian and Dutch.
struct Vocabulary {
  unsigned subject;
  std::string_view words;
};
constexpr std::array kVocabulary = {
    Vocabulary{kAccount,
               "account accounts accounted konto kontos compte comptes cuenta cuentas conta contas "
               "rekening mailbox postfach webmail email emails mail password passwords passwort "
               "kennwort contrasena senha parola passe wallet card karte kreditkarte carte tarjeta "
               "cartao carta login profile profil membership subscription abonnement abo "
               "suscripcion assinatura abbonamento storage identity banking onlinebanking acceso "
               "access zugang acces acesso accesso apple id seed pix pushtan phototan"},
    Vocabulary{kThreat,
               "suspended suspend suspension suspended limited limitation restricted restrict "
               "restriction locked lock blocked block blocking deactivated deactivate deactivation "
               "disabled disable terminated terminate termination closed closure expire expires "
               "expired expiring expiration unusual suspicious unauthorized unauthorised "
               "unrecognized fraud fraudulent violation violated compromised breach unable failed "
               "failure overdue deleted delete deletion permanently immediately urgent problem "
               "gesperrt sperrung sperren eingeschrankt einschrankung abgelaufen ablauf lauft "
               "verdachtig verdachtige ungewohnlich ungewohnliche deaktiviert geloscht dringend "
               "suspendu suspendue bloque bloquee suspension limite expire expiree inhabituelle "
               "suspect suspecte desactive desactivation urgence suspendida bloqueada bloqueado "
               "bloqueo limitada vencida vence caduca caducado inusual sospechosa desactivada "
               "urgente suspensa suspenso bloqueio expirou expira vencimento vencido suspeita "
               "irregular irregularidade pendencia cancelamento sospeso sospesa bloccato bloccata "
               "scaduto scaduta scadenza insolita sospetta geblokkeerd verlopen beperkt "
               "verwijderd"},
    Vocabulary{kAct,
               "verify verification verifying validate validation confirm confirmation update "
               "updating upgrade restore reactivate reactivation unlock click log signin login "
               "review retrieve recover release renew secure resolve keep bestatigen bestatigung "
               "aktualisieren aktualisierung verifizieren verifizierung klicken anmelden einloggen "
               "freischalten reaktivieren uberprufen abgleich legitimieren confirmer verifier "
               "cliquez cliquer mettre actualiser activer reactiver regulariser connecter "
               "verificar confirmar actualizar actualice confirme verifique clic clique clicando "
               "acesse acessar acceder acceda ingrese ingresar atualizar atualize atualizacao "
               "regularizar regularize desbloquear reativar verificare confermare conferma "
               "aggiornare accedi accedere clicca cliccare sbloccare verifica klik bevestig "
               "bevestigen controleer bijwerken"},
    Vocabulary{
        kPrize,
        "winner winners won win prize prizes reward rewards awarded lottery lotto jackpot "
        "sweepstakes congratulations congrats selected chosen gift giftcard voucher bonus "
        "survey surveys exclusive freebie gewonnen gewinner gewinn gewinnspiel ausgewahlt "
        "ausgelost gutschein umfrage belohnung gluckwunsch felicitations gagnant gagne "
        "cadeau recompense selectionne sondage tirage ganador ganadora premio premios regalo "
        "recompensa seleccionado seleccionada encuesta felicidades enhorabuena sorteo "
        "ganhou ganhador parabens brinde sorteado pontos milhas vinto vincitore omaggio "
        "sondaggio congratulazioni selezionato gewonnen prijs cadeaubon gefeliciteerd"},
    Vocabulary{kClaim,
               "claim claiming redeem collect receive participate answer questions minutes spin "
               "einlosen abholen sichern teilnehmen erhalten beantworten reclamer recevoir "
               "participer repondez reclamar recibir participar responda canjear resgatar resgate "
               "receber participe ritirare ricevere partecipare rispondi ophalen ontvangen"},
    Vocabulary{kFortune,
               "million millions billion usd dollars gbp euros pounds funds fund sum deposit "
               "millionen millones milhoes milioni fortune wealth capital compensation loan loans "
               "kredit darlehen pret prestamo emprestimo prestito"},
    Vocabulary{kHeir,
               "beneficiary inheritance inherit deceased late kin donation donate donated bequeath "
               "charity widow orphan barrister attorney foreigner consignment diplomat diplomatic "
               "confidential confidentiality transfer transaction partnership investor cancer "
               "deposited custodian entrusted modalities remittance erbe erbschaft spende "
               "begunstigter heritage heritier donateur donation defunt herencia heredero donacion "
               "beneficiario heranca doacao eredita donazione"},
    Vocabulary{
        kCoins,
        "bitcoin bitcoins btc monero xmr cryptocurrency crypto usdt ethereum eth xrp airdrop "
        "blockchain defi nft metamask binance coinbase token tokens staking stake yield yields xlm "
        "stellar solana ledger trezor trustwallet ripple airdrops"},
    Vocabulary{
        kDating,
        "dating singles single lonely sexy sex seks sexe sexo lover girlfriend girls girl "
        "women milf hot horny naked nude fuck neuk frauen vrouwen vrouw meisjes fotos penis "
        "potency erection erektion lesbian lesbians slut sluts bitches lewd orgy cams cum breasts "
        "kapsel kamagra adult affair flirt einsame mujeres chicas "
        "mulheres femmes rencontres donne date dates"},
    Vocabulary{kMeeting,
               "meet near looking wants waiting chat profile message photo photos free online "
               "treffen kennenlernen suchen sucht ontmoeten zoekt wacht ontvang bekijk foto leuk "
               "groser grosser groter larger bigger conocer busca conhecer procura rencontrer "
               "cherche incontrare tonight discreet real local area"},
    Vocabulary{kAuthority,
               "processo intimacao multa infracao cnh detran cpf cnpj irpf mei fazenda tribunal "
               "judicial cartorio notificacao comunicado protocolo tax taxes irs hmrc court police "
               "interpol europol lawsuit finanzamt steuer bussgeld gericht polizei bundespolizei "
               "impots amende antai gendarmerie dgfip hacienda multas juzgado sunat dian agenzia "
               "entrate polizia belastingdienst cjib boete"},
    Vocabulary{kSpying,
               "webcam camera recorded recording video porn porno pornographic masturbating "
               "masturbation masturbate pervert intimate hacked hacker malware trojan spyware rat "
               "keylogger contacts embarrassing"},
    Vocabulary{
        kGoods,
        "viagra cialis levitra pharmacy pills pill meds medication prescription drugs weight "
        "diet fat slim mortgage mortgages refinance refinancing debt debts casino casinos "
        "poker gambling rolex replica replicas watches penis erection enlargement sex sexy "
        "xxx adult girls teens nude toner cartridges insurance leads degree diploma "
        "diplomas university mlm marketing emails bulk millionaire hgh hormone herbal aging "
        "stock stocks investment investors invest profits profit income earn earning cash "
        "dvd cable descrambler software oem printer vacation timeshare keto cbd gummies "
        "solar warranty hemp credit loan loans breast breasts signups wealth freedom homeworkers "
        "mba "
        "cigarettes smokes antivirus norton mcafee virus viruses"},
    Vocabulary{kBargain,
               "free guarantee guaranteed order offer offers discount save savings cheap lowest "
               "price prices rates rate buy now today limited click risk money back bonus "
               "unsubscribe remove removed opportunity amazing secret quote quotes approved "
               "approval application apply shipping satisfaction toll instantly"},
    Vocabulary{kParcel,
               "parcel package packages shipment delivery deliver courier tracking customs paket "
               "sendung zustellung lieferung zoll zollgebuhr versandkosten colis livraison douane "
               "paquete envio entrega aduana encomenda pacote alfandega taxa pacco spedizione "
               "consegna dogana pakket bezorging zending correios"},
    Vocabulary{
        kPayment,
        "fee fees pay payment paid unpaid charge charges charged invoice billing refund "
        "gebuhr gebuhren zahlen zahlung bezahlen rechnung ruckerstattung frais payer paiement "
        "facture remboursement pagar pago tarifa factura reembolso pagamento boleto fatura "
        "cobranca pague divida debito imposto restituicao pagare fattura rimborso betalen "
        "betaling factuur"},
    Vocabulary{kCopyright, "copyright"},
};

// Subjects by word. Most words are in no list: their shape tells it of nearly all.
class Words {
 public:
  Words() {
    for (const Vocabulary& one : kVocabulary) {
      for (size_t at = 0; at < one.words.size();) {
        const size_t end = std::min(one.words.find(' ', at), one.words.size());
        const std::string_view word = one.words.substr(at, end - at);
        subjects_[word] |= one.subject;
        shapes_.set(ShapeOf(word));
        at = end + 1;
      }
    }
  }

  unsigned SubjectsOf(std::string_view word) const {
    if (word.empty() || !shapes_.test(ShapeOf(word))) return 0;
    const auto found = subjects_.find(word);
    return found == subjects_.end() ? 0 : found->second;
  }

 private:
  // Of its ends and length.
  static size_t ShapeOf(std::string_view word) {
    return (word.front() & 31U) | (word.back() & 31U) << 5U | (word.size() & 7U) << 10U;
  }

  std::unordered_map<std::string_view, unsigned> subjects_;
  std::bitset<1 << 13> shapes_;
};

// ASCII letter of U+00C0 to U+017F; 0: none.
char FoldedLatin(unsigned code) {
  constexpr std::string_view kSupplement =
      "aaaaaaaceeeeiiiidnooooo ouuuuytsaaaaaaaceeeeiiiidnooooo ouuuuyty";
  constexpr std::string_view kExtended =
      "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
      "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
  static_assert(kSupplement.size() == 0x40 && kExtended.size() == 0x80);
  if (code == 0xD7 || code == 0xF7) return 0;  // signs of multiplication and division
  if (code >= 0xC0 && code < 0x100) return kSupplement[code - 0xC0];
  if (code >= 0x100 && code < 0x180) return kExtended[code - 0x100];
  return 0;
}

// ASCII letters and digits, folded; 0: it parts words, or begins a longer character.
constexpr std::array<char, 256> kFolded = [] {
  std::array<char, 256> folded{};
  for (char c = '0'; c <= '9'; ++c) folded[static_cast<size_t>(c)] = c;
  for (char c = 'a'; c <= 'z'; ++c) folded[static_cast<size_t>(c)] = folded[c & 0x5fU] = c;
  return folded;
}();

// The letter at `at`, folded, and how many bytes it takes; 0: it parts words.
char LetterAt(std::string_view text, size_t at, size_t& length) {
  const auto byte = static_cast<unsigned char>(text[at]);
  length = 1;
  if (byte < 0x80) return kFolded[byte];
  if (byte < 0xC0 || at + 1 >= text.size()) return '\0';
  if (byte >= 0xE0) {
    length = std::min<size_t>(byte < 0xF0 ? 3 : 4, text.size() - at);
    return '\0';
  }
  length = 2;
  return FoldedLatin(((byte & 0x1FU) << 6U) | (static_cast<unsigned char>(text[at + 1]) & 0x3FU));
}

}  // namespace

FoldedText::FoldedText(std::string_view utf8, size_t most) {
  std::string normal;
  if (std::ranges::any_of(utf8, [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
    normal = mail::mime::Normalize(utf8).text;
    utf8 = normal;
  }
  letters_.resize(utf8.size());  // a letter at most for every byte: it never moves
  char* begin = letters_.data();
  char* end = begin;
  const auto flush = [&] {
    const auto size = static_cast<size_t>(end - begin);
    if (size > 0 && size <= kLongestWord) words_.emplace_back(begin, size);
    begin = end;
  };
  for (size_t at = 0, length = 1; at < utf8.size() && words_.size() < most; at += length) {
    const char letter = LetterAt(utf8, at, length);
    if (letter != 0) {
      *end++ = letter;
      continue;
    }
    flush();
    if (utf8.substr(at, 2) == "\xC2\xA9") words_.emplace_back("copyright");
  }
  flush();
}

unsigned SubjectsOf(std::string_view word) {
  static const auto* const words = new Words;
  return words->SubjectsOf(word);
}

}  // namespace cleanmail::scanner
