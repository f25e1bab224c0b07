"""A private Postfix that relays example.org to a sink, for figures beside ours."""
import pathlib
import shutil
import subprocess
import time

from measuring import family

MASTER = """\
127.0.0.1:{port} inet n - n - 100 smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - 100 smtp
relay unix - - n - 100 smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.example.net
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relay_domains = example.org
transport_maps = inline:{{{{example.org = smtp:[127.0.0.1]:{sink}}}}}
maillog_file = {folder}/mail.log
maillog_file_prefixes = /tmp, /var
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
default_process_limit = 100
smtp_destination_concurrency_limit = 20
smtp_connection_cache_on_demand = yes
message_size_limit = 52428800
"""


class Postfix:
    """Debian's Postfix over a folder of its own; `services`: further lines of master.cf. The folder must be passable for its users (not under a 0700 folder)."""

    name = "postfix"

    def __init__(self, folder, port, sink_port, settings="", services=""):
        self.folder, self.port = pathlib.Path(folder), port
        config = self.folder / "config"
        for each in (config, self.folder / "queue", self.folder / "data"):
            each.mkdir(parents=True)
        shutil.chown(self.folder / "data", "postfix")
        (config / "main.cf").write_text(MAIN.format(folder=folder, sink=sink_port) + settings)
        (config / "master.cf").write_text(MASTER.format(port=port) + services)
        shutil.copy("/etc/postfix/postfix-files", config) if pathlib.Path("/etc/postfix/postfix-files").exists() else None
        self._control("start")
        deadline = time.monotonic() + 30
        while not (self.folder / "queue/pid/master.pid").exists():
            if time.monotonic() > deadline:
                raise RuntimeError(f"postfix did not start: see {self.folder}/mail.log")
            time.sleep(0.1)
        self.master = int((self.folder / "queue/pid/master.pid").read_text())

    def _control(self, verb):
        subprocess.run(["postfix", "-c", str(self.folder / "config"), verb], check=True, capture_output=True)

    def parts(self):
        """Processes by what they are."""
        return {"postfix": family(self.master)}

    def held(self):
        return 0

    def stop(self):
        self._control("stop")
