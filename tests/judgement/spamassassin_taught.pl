#!/usr/bin/perl
# spamassassin_taught.pl RULES SITE STATE: SpamAssassin with Bayes, without network. Reads lines from standard input, each a word, a tab and
# the name of a message file. `spam` and `ham` teach the file, all before the first `judge`, which is answered by a line: name, the score, and
# which Bayes rule fired. Nothing is learnt by judging, and nothing forgotten: the mails' dates are twenty years apart.
use strict;
use warnings;
use Mail::SpamAssassin;

$ENV{TZ} = 'UTC';
my ($rules, $site, $state) = @ARGV;
my $checker = Mail::SpamAssassin->new({
  rules_filename => $rules, site_rules_filename => $site, userprefs_filename => '/dev/null', userstate_dir => $state,
  home_dir_for_helpers => $state, dont_copy_prefs => 1, local_tests_only => 1, require_rules => 1,
  post_config_text => join("\n", "bayes_path $state/bayes", 'use_bayes 1', map { "$_ 0" }
    qw(bayes_auto_learn bayes_auto_expire bayes_learn_to_journal use_auto_welcomelist use_razor2 use_pyzor use_dcc)) . "\n"
});
$checker->init(1);
my $learning = 1;
$checker->init_learner({caller_will_untie => 1, learn_to_journal => 0, use_welcomelist => 0});
$| = 1;
while (my $line = <STDIN>) {
  chomp $line;
  my ($what, $name) = split /\t/, $line;
  open my $file, '<:raw', $name or die "$name: $!";
  my $text = do { local $/; <$file> };
  close $file;
  my $message = $checker->parse($text, 1);
  if ($what eq 'judge') {
    $checker->finish_learner() if $learning;
    $learning = 0;
    my $status = $checker->check($message);
    my $fired = join ' ', grep { /^BAYES_/ } split /,/, $status->get_names_of_tests_hit;
    print join("\t", $name, $status->get_score, $fired), "\n";
    $status->finish;
  } else {
    $checker->learn($message, undef, $what eq 'spam' ? 1 : 0, 0)->finish;
  }
  $message->finish;
}
