"""rspamd as Postfix' milter, and a resolver that knows nobody but the senders, for figures beside ours."""
import os
import pathlib
import subprocess

from engines import Program, free_port, give_to, wait
from measuring import family
from postfix import Postfix

UNBOUND = """\
server:
  interface: 127.0.0.1@{port}
  port: {port}
  do-ip6: no
  num-threads: 1
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "." static
  local-data: ". 3600 IN SOA localhost. nobody.invalid. 1 3600 1200 604800 10800"
{records}
remote-control:
  control-enable: no
"""

# The senders of tests/load/source: their servers have names and may send for the domain.
RECORDS = ["example.net. 3600 IN MX 10 load.example.net.", "example.net. 3600 IN TXT v=spf1 ip4:192.88.99.0/24 -all",
           "example.net. 3600 IN A 192.88.99.1", "load.example.net. 3600 IN A 192.88.99.1"]
RECORDS += [record for i in range(1, 251)
            for record in (f"{i}.99.88.192.in-addr.arpa. 3600 IN PTR m{i}.example.net.", f"m{i}.example.net. 3600 IN A 192.88.99.{i}")]

# What asks services of others in the network is off; all else is as the package has it. No Redis: the package needs none.
RSPAMD = {
    "worker-normal.inc": "enabled = false;\n",
    "worker-controller.inc": 'bind_socket = "{folder}/run/controller.sock mode=0666";\n',
    "worker-proxy.inc": 'bind_socket = "{folder}/run/milter.sock mode=0666";\nmilter = yes;\ntimeout = 120s;\n'
                        'upstream "local" {{\n  default = yes;\n  self_scan = yes;\n}}\ncount = {workers};\n',
    "options.inc": 'dns {{ nameserver = ["127.0.0.1:{dns}"]; }}\n',
    "antivirus.conf": 'clamav {{\n  action = "reject";\n  type = "clamav";\n  servers = "{clamd}";\n  scan_mime_parts = {parts};\n}}\n',
    "rbl.conf": "enabled = false;\n",
    "surbl.conf": "enabled = false;\n",
    "fuzzy_check.conf": "enabled = false;\n",
    "asn.conf": "enabled = false;\n",
    "url_redirector.conf": "enabled = false;\n",
}

MILTER = """\
smtpd_milters = unix:{folder}/run/milter.sock
milter_default_action = tempfail
milter_protocol = 6
smtpd_upstream_proxy_protocol = haproxy
"""


class Resolver:
    """unbound, answering at once: of all names but the senders', that they do not exist."""

    def __init__(self, folder):
        self.port = free_port()
        folder = pathlib.Path(folder)
        folder.mkdir()
        (folder / "unbound.conf").write_text(UNBOUND.format(port=self.port, folder=folder, records="\n".join(f"  local-data: '{record}'" for record in RECORDS)))
        self.program = Program("unbound", ["unbound", "-c", folder / "unbound.conf", "-d"], folder / "log")
        self.program.start()

    @property
    def process(self):
        return self.program.process.pid

    def stop(self):
        self.program.stop()


class PostfixWithRspamd:
    """Debian's Postfix, its rspamd as milter, and a clamd that rspamd asks: of attachments, as it does unless told otherwise, or (`whole`) of the
    whole message."""

    name = "postfix, rspamd"

    def __init__(self, folder, port, sink_port, clamd, resolver, workers, whole=False):
        self.clamd = clamd
        self.folder = pathlib.Path(folder) / "rspamd"
        for name in ("local.d", "override.d", "run", "log", "db"):
            give_to("_rspamd", self.folder / name)
        for name, text in RSPAMD.items():
            (self.folder / "override.d" / name).write_text(text.format(folder=self.folder, dns=resolver.port, clamd=clamd.address.removeprefix("unix:"),
                                                                    workers=workers, parts="false" if whole else "true"))
        (self.folder / "run").chmod(0o755)
        variables = {"LOCAL_CONFDIR": self.folder, "RUNDIR": self.folder / "run", "LOGDIR": self.folder / "log", "DBDIR": self.folder / "db"}
        who = ["-u", "_rspamd", "-g", "_rspamd"] if os.getuid() == 0 else ["-i"]
        self.program = Program("rspamd", ["rspamd", "-f", *who, "-c", "/etc/rspamd/rspamd.conf", *(f"--var={k}={v}" for k, v in variables.items())],
                               self.folder / "stderr")
        self.program.start()
        wait((self.folder / "run/milter.sock").exists, "rspamd", 120, self.program.running)
        self.postfix = Postfix(f"{folder}/postfix", port, sink_port, settings=MILTER.format(folder=self.folder))
        self.port = port

    def scanned(self):
        """Messages that rspamd says in its log to have looked at."""
        found = subprocess.run(["grep", "-c", "rspamd_task_write_log", self.folder / "log/rspamd.log"], capture_output=True, text=True, check=False)
        return int(found.stdout or 0)

    def parts(self):
        """Processes by what they are."""
        return {**self.postfix.parts(), "rspamd": family(self.program.process.pid), "clamd": family(self.clamd.program.process.pid)}

    def held(self):
        return 0

    def stop(self):
        self.postfix.stop()
        self.program.stop()
        self.clamd.stop()
