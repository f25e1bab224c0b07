// Compares ways to learn on mails in folders: methods_benchmark spam=FOLDER... ham=FOLDER...
// Headers of relays, receivers and lists are taken out first, so that no way can tell corpora apart
// by them. Folds are by cluster: mails of one index.tsv cluster, or of one subject, stay together.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <unordered_map>

#include "services/scanner/learning/model.h"
#include "services/scanner/learning/tokens.h"

namespace cleanmail::scanner::learning {
namespace {

struct Mail {
  std::string corpus;
  size_t fold = 0;
  double weight = 1;
  bool spam = false;
  std::vector<Feature> words = {};  // without pairs
  std::vector<Feature> all = {};
};

constexpr size_t kFolds = 5;
constexpr TokenKey kKey = {1, 2};

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool IsForeign(const std::string& name) {
  static const std::set<std::string> kForeign = {"received",
                                                 "return-path",
                                                 "delivered-to",
                                                 "authentication-results",
                                                 "dkim-signature",
                                                 "precedence",
                                                 "errors-to",
                                                 "sender",
                                                 "received-spf",
                                                 "to",
                                                 "cc",
                                                 "bcc",
                                                 "mailing-list",
                                                 "status",
                                                 "lines",
                                                 "delivery-date",
                                                 "old-return-path",
                                                 "resent-from",
                                                 "domainkey-signature"};
  return kForeign.contains(name) || name.starts_with("x-") || name.starts_with("list-") ||
         name.starts_with("arc-") || name.starts_with("resent-");
}

// Headers of the border and of lists, subject tags and list footers go.
std::string Neutralised(const std::string& mail) {
  std::istringstream lines(mail);
  std::string out, line;
  bool body = false, skip = false;
  while (std::getline(lines, line)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!body && line.empty()) body = true;
    if (!body) {
      if (line.starts_with("From ")) continue;
      if (line[0] != ' ' && line[0] != '\t')
        skip = IsForeign(Lower(line.substr(0, line.find(':'))));
      if (skip) continue;
      if (Lower(line).starts_with("subject:")) {
        for (size_t a; (a = line.find('[')) != line.npos;) {
          const size_t b = line.find(']', a);
          line.erase(a, b == line.npos ? b : b + 1 - a);
        }
      }
    } else if (line.starts_with("_______________") || line.starts_with("-- ") ||
               line == "This sf.net email is sponsored by:") {
      if (line.starts_with("_")) break;
    }
    out += line + "\r\n";
  }
  return out;
}

bool IsArtefact(const std::string& words) {
  for (const char* word : {"phishing", "pot", "openbmc", "ozlabs", "spamassassin", "razor", "exmh",
                           "zzzz", "jmason", "yyyy", "username"}) {
    if (words.find(word) != words.npos) return true;
  }
  return false;
}

std::string SubjectCluster(const ParsedMessage& message) {
  const auto* field = message.header.Find("Subject");
  std::string subject = field == nullptr ? "" : Lower(field->value());
  for (size_t re; (re = subject.find("re:")) != subject.npos;) subject.erase(re, 3);
  std::erase_if(subject, [](char c) { return !std::isalpha(static_cast<unsigned char>(c)); });
  return subject;
}

double token_seconds = 0;
size_t token_mails = 0;

void ReadFolder(const std::string& folder, bool spam, size_t most, std::vector<Mail>& mails) {
  std::map<std::string, std::string> clusters;
  if (std::ifstream index(folder + "/index.tsv"); index) {
    for (std::string line; std::getline(index, line);) {
      std::vector<std::string> columns;
      std::istringstream cells(line);
      for (std::string cell; std::getline(cells, cell, '\t');) columns.push_back(cell);
      if (columns.size() == 5 && spam) clusters[columns[0]] = columns[4];
    }
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto extension = entry.path().extension();
    if (extension == ".eml" || extension == ".txt") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  const size_t step = most == 0 ? 1 : std::max<size_t>(1, files.size() / most);
  std::map<std::string, size_t> sizes;
  std::vector<std::pair<size_t, std::string>> made;
  for (size_t i = 0; i < files.size(); i += step) {
    std::ifstream in(files[i], std::ios::binary);
    const std::string raw((std::istreambuf_iterator<char>(in)), {});
    const std::string bytes = Neutralised(raw);
    if (bytes.size() < 100) continue;
    const ParsedMessage message(bytes);
    (void)message.pages();
    const auto began = std::chrono::steady_clock::now();
    const Tokens tokens = TokensOf(message, kKey);
    token_seconds +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    ++token_mails;
    Mail mail{.corpus = folder.substr(folder.rfind('/') + 1), .spam = spam};
    for (const Token& token : tokens.list) {
      if (IsArtefact(tokens.words.substr(token.begin, token.size))) continue;
      mail.all.push_back(FeatureOf(token.hash));
      if (token.place != Place::kPair) mail.words.push_back(FeatureOf(token.hash));
    }
    const std::string name = files[i].filename();
    const std::string cluster = clusters.contains(name) ? clusters[name] : SubjectCluster(message);
    mail.fold = std::hash<std::string>()(cluster) % kFolds;
    ++sizes[cluster];
    made.emplace_back(mails.size(), cluster);
    mails.push_back(std::move(mail));
  }
  for (const auto& [index, cluster] : made)
    mails[index].weight = clusters.empty() ? 1.0 : 1.0 / static_cast<double>(sizes[cluster]);
  std::cout << folder << ": " << made.size() << " mails, " << sizes.size() << " clusters\n";
}

using Features = const std::vector<Feature>& (*)(const Mail&);
const std::vector<Feature>& WordsOnly(const Mail& mail) { return mail.words; }
const std::vector<Feature>& AllOf(const Mail& mail) { return mail.all; }

// Robinson's and Fisher's: chi-square over the most telling tokens' probabilities.
class ChiSquare {
 public:
  void Teach(const std::vector<Feature>& features, bool spam) {
    ++(spam ? spam_ : ham_);
    for (const Feature f : features) ++(spam ? counts_[f].first : counts_[f].second);
  }
  double Score(const std::vector<Feature>& features) const {
    std::vector<std::pair<double, double>> told;
    for (const Feature f : features) {
      const auto found = counts_.find(f);
      if (found == counts_.end()) continue;
      const double s = found->second.first / std::max(1.0, spam_);
      const double h = found->second.second / std::max(1.0, ham_);
      const double n = found->second.first + found->second.second;
      const double p = (0.45 * 0.5 + n * s / (s + h)) / (0.45 + n);
      if (std::abs(p - 0.5) > 0.1) told.emplace_back(std::abs(p - 0.5), p);
    }
    std::ranges::sort(told, std::greater<>());
    if (told.size() > 150) told.resize(150);
    double ln_p = 0, ln_q = 0;
    for (const auto& [_, p] : told) ln_p += std::log(p), ln_q += std::log(1 - p);
    const double s = Tail(-2 * ln_q, told.size()), h = Tail(-2 * ln_p, told.size());
    // Finer than the probability where that is 0 or 1.
    return 1e6 * (h - s) + (ln_p - ln_q);
  }

 private:
  static double Tail(double x, size_t pairs) {  // survival of chi-square, 2*pairs degrees
    double m = x / 2, term = std::exp(-m), sum = term;
    for (size_t i = 1; i < pairs; ++i) sum += term *= m / static_cast<double>(i);
    return std::min(sum, 1.0);
  }
  std::unordered_map<Feature, std::pair<double, double>> counts_;
  double spam_ = 0, ham_ = 0;
};

struct Judged {
  const Mail* mail;
  double score;
};
using Method = std::function<std::function<double(const Mail&)>(const std::vector<const Mail*>&)>;

void Print(const std::string& name, std::vector<Judged>& judged, double seconds) {
  std::vector<double> ham;
  for (const Judged& one : judged)
    if (!one.mail->spam) ham.push_back(one.score);
  std::ranges::sort(ham, std::greater<>());
  std::cout << name << "  train " << seconds << " s\n";
  for (const double rate : {0.01, 0.001}) {
    const double line = ham[static_cast<size_t>(static_cast<double>(ham.size()) * rate)];
    std::map<std::string, std::pair<double, double>> missed;
    double all = 0, bad = 0;
    for (const Judged& one : judged) {
      auto& [of, miss] = missed[one.mail->corpus];
      of += one.mail->weight;
      const bool over = one.score > line;
      if (over != one.mail->spam) miss += one.mail->weight;
      if (one.mail->spam) all += one.mail->weight, bad += over ? 0 : one.mail->weight;
    }
    std::cout << "   at " << rate * 100 << " % FP missed " << 100 * bad / all << " %:";
    for (const auto& [corpus, counts] : missed)
      std::cout << " " << corpus << " " << 100 * counts.second / counts.first << "%";
    std::cout << "\n";
  }
}

void Run(const std::string& name, const std::vector<Mail>& mails, size_t most,
         const Method& method) {
  std::vector<Judged> judged;
  double seconds = 0;
  for (size_t fold = 0; fold < kFolds; ++fold) {
    std::vector<const Mail*> spam, ham, train;
    for (const Mail& mail : mails)
      if (mail.fold != fold) (mail.spam ? spam : ham).push_back(&mail);
    std::mt19937 random(static_cast<unsigned>(fold));
    std::ranges::shuffle(spam, random);
    std::ranges::shuffle(ham, random);
    if (most > 0) spam.resize(std::min(most, spam.size())), ham.resize(std::min(most, ham.size()));
    train = spam;
    train.insert(train.end(), ham.begin(), ham.end());
    const auto began = std::chrono::steady_clock::now();
    const auto score = method(train);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    for (const Mail& mail : mails)
      if (mail.fold == fold) judged.push_back({&mail, score(mail)});
  }
  Print(name, judged, seconds / kFolds);
}

Method Chi(Features of) {
  return [of](const std::vector<const Mail*>& train) {
    auto chi = std::make_shared<ChiSquare>();
    for (const Mail* mail : train) chi->Teach(of(*mail), mail->spam);
    return [chi, of](const Mail& mail) { return chi->Score(of(mail)); };
  };
}

Method Linear(Features of, TrainingOptions options) {
  return [of, options](const std::vector<const Mail*>& train) {
    std::vector<Example> examples;
    for (const Mail* mail : train) examples.push_back({.features = of(*mail), .spam = mail->spam});
    auto made = std::make_shared<Classifier>(Classifier::Train(examples, options));
    return [made, of](const Mail& mail) { return static_cast<double>(made->Score(of(mail))); };
  };
}

// What the calibrated probability is worth: of each kind, the share in each grade.
void PrintGrades(const std::vector<Mail>& mails, size_t most) {
  constexpr double kGrades[] = {0.01, 0.05, 0.2, 0.8, 0.95, 0.99, 0.999, 2};
  double counts[2][std::size(kGrades)] = {};
  double all[2] = {};
  Run("", mails, most, [&](const std::vector<const Mail*>& train) {
    std::vector<Example> examples;
    for (const Mail* mail : train) examples.push_back({.features = mail->all, .spam = mail->spam});
    auto made = std::make_shared<Model>(Model::Train(std::move(examples)));
    std::cout << "own estimate: missed " << 100 * made->quality().missed_spam << " %, false "
              << 100 * made->quality().false_spam << " %\n";
    return [made, &counts, &all, &kGrades](const Mail& mail) {
      const double log_odds = made->LogOdds(mail.all);
      const double p = 1 / (1 + std::exp(-log_odds));
      size_t grade = 0;
      while (p >= kGrades[grade]) ++grade;
      counts[mail.spam ? 1 : 0][grade] += mail.weight;
      all[mail.spam ? 1 : 0] += mail.weight;
      return log_odds;
    };
  });
  for (const bool spam : {false, true}) {
    std::cout << (spam ? "   spam:" : "   ham:");
    for (size_t i = 0; i < std::size(kGrades); ++i)
      std::cout << "  <" << kGrades[i] << " " << 100 * counts[spam][i] / all[spam] << "%";
    std::cout << "\n";
  }
}

}  // namespace
}  // namespace cleanmail::scanner::learning

int main(int argc, char** argv) {
  using namespace cleanmail::scanner::learning;
  std::vector<Mail> mails;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool spam = argument.starts_with("spam=");
    std::string folder = argument.substr(argument.find('=') + 1);
    size_t most = 0;
    if (const size_t colon = folder.find(':'); colon != folder.npos) {
      most = std::stoul(folder.substr(colon + 1));
      folder.resize(colon);
    }
    ReadFolder(folder, spam, most, mails);
  }
  size_t features = 0;
  for (const Mail& mail : mails) features += mail.all.size();
  std::cout << "tokens a mail " << features / mails.size() << ", "
            << 1e6 * token_seconds / static_cast<double>(token_mails) << " us a mail\n";
  for (const size_t most : {size_t{200}, size_t{1000}, size_t{0}}) {
    std::cout << "--- taught of each kind: " << most << "\n";
    PrintGrades(mails, most);
    Run("chi-square, words", mails, most, Chi(WordsOnly));
    Run("chi-square, words and pairs", mails, most, Chi(AllOf));
    for (const int bits : {18, 20}) {
      Run("linear, words, bits " + std::to_string(bits), mails, most,
          Linear(WordsOnly, {.bits = bits}));
      Run("linear, words and pairs, bits " + std::to_string(bits), mails, most,
          Linear(AllOf, {.bits = bits}));
    }
    for (const float rate : {0.5F, 5.0F})
      Run("linear, words and pairs, bits 20, rate " + std::to_string(rate), mails, most,
          Linear(AllOf, {.bits = 20, .rate = rate}));
    for (const float decay : {1e-4F, 1e-3F})
      Run("linear, words and pairs, bits 20, decay " + std::to_string(decay), mails, most,
          Linear(AllOf, {.bits = 20, .decay = decay}));
  }
  return 0;
}
