#!/usr/bin/perl
# spamassassin_hits.pl: reads names of message files from standard input and prints, for each, the rules that SpamAssassin fires with
# their counts, a tab, the score and the microseconds of processor time it took. Network, Bayes and stores of scores are off.
use strict;
use warnings;
use Mail::SpamAssassin;

$ENV{TZ} = 'UTC';
my ($rules, $site, $state) = @ARGV;
my $checker = Mail::SpamAssassin->new({
  rules_filename => $rules, site_rules_filename => $site, userprefs_filename => '/dev/null', userstate_dir => $state,
  home_dir_for_helpers => $state, dont_copy_prefs => 1, local_tests_only => 1, require_rules => 1,
  post_config_text => join("\n", map { "$_ 0" } qw(use_bayes use_auto_welcomelist use_razor2 use_pyzor use_dcc)) . "\n"
});
$checker->init(1);
$| = 1;
while (my $name = <STDIN>) {
  chomp $name;
  open my $file, '<:raw', $name or next;
  my $text = do { local $/; <$file> };
  close $file;
  my $begin = (times)[0];
  my $message = $checker->parse($text, 1);
  my $status = $checker->check($message);
  my $micros = int(((times)[0] - $begin) * 1e6);
  my $hits = $status->{tests_already_hit};    # sub-rules are named nowhere else with their counts
  print join("\t", $name, join(' ', map { "$_=$hits->{$_}" } sort grep { $hits->{$_} } keys %$hits), $status->get_score, $micros), "\n";
  $status->finish;
  $message->finish;
}
