#!/usr/bin/perl
# mime_peers.pl tools|email < FILES: the leaves MIME::Parser or Email::MIME sees, a JSON line each.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use JSON::PP;
my $mode = shift // die "usage: mime_peers.pl tools|email\n";
my $json = JSON::PP->new->utf8->canonical;
binmode STDOUT;

sub tell_leaf {
  my ($file, $type, $name, $body) = @_;
  $name //= '';
  utf8::decode($name) unless utf8::is_utf8($name);
  (my $flat = $body) =~ tr/ \t\r\n//d;
  print $json->encode({file => $file, type => lc($type), name => $name, sha256 => sha256_hex($body), flat => sha256_hex($flat),
                       size => length($body)}), "\n";
}

sub walk_tools {
  my ($file, $entity) = @_;
  if ($entity->parts) { walk_tools($file, $_) for $entity->parts; return; }
  my $handle = $entity->bodyhandle or return;
  tell_leaf($file, $entity->effective_type, scalar $entity->head->recommended_filename, $handle->as_string);
}

sub walk_email {
  my ($file, $entity) = @_;
  my @parts = $entity->subparts;
  if (@parts) { walk_email($file, $_) for @parts; return; }
  my $type = $entity->content_type // 'text/plain';
  $type =~ s/;.*//s;
  $type =~ s/\s+//g;
  tell_leaf($file, $type, scalar $entity->filename, $entity->body);
}

if ($mode eq 'tools') { require MIME::Parser } else { require Email::MIME }
while (my $file = <STDIN>) {
  chomp $file;
  eval {
    local $SIG{ALRM} = sub { die "took too long\n" };
    alarm 20;
    open my $in, '<:raw', $file or die "$file: $!\n";
    local $/;
    my $text = <$in>;
    if ($mode eq 'tools') {
      my $parser = MIME::Parser->new;
      $parser->output_to_core(1);
      $parser->tmp_to_core(1);
      $parser->extract_nested_messages(1);
      $parser->extract_uuencode(0);
      walk_tools($file, $parser->parse_data($text));
    } else {
      walk_email($file, Email::MIME->new($text));
    }
    alarm 0;
  };
  alarm 0;
}
