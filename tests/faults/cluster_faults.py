"""The faults themselves. Each is a generator over a running cluster under load: it does harm, yields for how many seconds the harm shall
last, and heals; what must happen after that, without anybody's help, is in `cluster`."""
import dataclasses
import os
import signal
import subprocess
import time
import typing

from cluster import ROOMS
from cluster_scene import CONNECTIONS_TO_SINK, NAMED, ROUTED
from engines import Failed

LARGE_QUEUE = 100_000  # played only when asked for by name
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


@dataclasses.dataclass
class Fault:
    name: str
    play: typing.Callable
    duplicates: int = 0        # at most: what was in flight at the instance that ended
    alarms: tuple = ("down",)  # one of these metrics, or a warning that has one of these words, must have moved
    short: bool = False
    brokers: int = 1
    domain: str = ROUTED
    per_second: float = 40
    measures_gap: bool = False  # how long any mail waited is the figure, not how long healing took
    backlog: int = 0            # mails that wait before the harm, with the sink away
    needs_mounts: bool = False
    pair: str = ""               # a room of which it needs a second instance


def kill(*titles, seconds=2.0):
    """kill -9, and some seconds later what a supervisor does."""
    def play(scene):
        rooms = [r for r in scene.cluster.used() if r.title in titles or r.name in titles or not titles]
        for room in rooms:
            room.kill()
        yield seconds
        for room in rooms:
            room.start()
        for room in rooms:
            room.wait_ready()
    return play


def kill_one_of_two(name):
    """The first of two instances is killed and stays away."""
    def play(scene):
        second = scene.cluster.room(f"{name}-2")
        if second.title in scene.cluster.spare:
            scene.cluster.spare.discard(second.title)
            second.start()
            second.wait_ready()
            time.sleep(8)  # partitions have moved
        scene.mark()
        scene.cluster.room(name).kill()
        yield 20.0
        scene.mark()
        scene.cluster.room(name).start()
        scene.cluster.room(name).wait_ready()
        if name != "egress":
            second.stop()
            scene.cluster.spare.add(second.title)
    return play


def kill_everything(scene):
    for room in scene.cluster.used():
        room.kill()
    yield 1.0
    scene.cluster.start_rooms()


def restart_engine(engine, seconds):
    def play(scene):
        part = getattr(scene.cluster, engine)
        part.kill()
        yield seconds(scene) if callable(seconds) else seconds
        part.start()
    return play


def kill_leading_broker(scene):
    leader = scene.leader("mail.received.v1", 0)
    scene.cluster.kafka.kill_broker(leader)
    yield 15.0
    scene.cluster.kafka.restart_broker(leader)


def postgres_read_only(scene):
    postgres = scene.cluster.postgres
    postgres.query("alter system set default_transaction_read_only = on")
    postgres.query("select pg_reload_conf()")
    yield 10.0
    postgres.query("set default_transaction_read_only = off; alter system reset default_transaction_read_only")
    postgres.query("select pg_reload_conf()")


def flush_redis(scene):
    redis = scene.cluster.redis
    for _ in range(3):
        subprocess.run(["redis-cli", "-p", str(redis.port), "--no-auth-warning", "-a", redis.password, "flushall"], check=True,
                       stdout=subprocess.DEVNULL)
        yield 2.0


def ill_object_store(mode, seconds):
    def play(scene):
        scene.cluster.s3.proxy.mode = mode
        yield seconds
        scene.cluster.s3.proxy.mode = "well"
    return play


def hang_clamd(scene):
    scene.cluster.clamd.program.send(signal.SIGSTOP)
    yield 30.0
    scene.cluster.clamd.program.send(signal.SIGCONT)


def names_gone(scene):
    scene.cluster.names.kill()
    yield 15.0
    scene.cluster.names.start()


def full_disk(scene):
    """The data of the broker that leads lies on a small file system (`cluster` has mounted it), which is now filled."""
    filler = scene.small_disk / "filler"
    with open(filler, "wb") as file:
        try:
            while True:
                file.write(bytes(1 << 20))
                file.flush()
        except OSError:
            pass
    yield 20.0
    filler.unlink()
    broker = scene.cluster.SMALL_DISK_BROKER
    if not scene.cluster.kafka.programs[broker].running():
        scene.note("the broker had ended")
    scene.cluster.kafka.kill_broker(broker)
    scene.cluster.kafka.restart_broker(broker)


def clock_ahead(name):
    def play(scene):
        if not os.path.exists(FAKETIME):
            raise Failed("libfaketime is missing: deploy/packages/install cluster")
        room = scene.cluster.room(name)

        def again(wrapper):
            room.stop()
            room.wrapper, room.program = wrapper, None
            room.start()
            room.wait_ready()

        again(["env", f"LD_PRELOAD={FAKETIME}", "FAKETIME=+1h", "FAKETIME_DONT_FAKE_MONOTONIC=1"])
        yield 10.0
        again([])
    return play


def freeze_egress(seconds):
    def play(scene):
        room = scene.cluster.room("egress-2")
        room.send(signal.SIGSTOP)
        yield seconds
        room.send(signal.SIGCONT)
    return play


def poison(scene):
    """Bytes that are no event, into every partition of the first topic."""
    for partition in range(6):
        done = subprocess.run(["kcat", "-b", ",".join(scene.cluster.kafka.addresses), "-P", "-t", "mail.received.v1", "-p", str(partition),
                               "-k", f"poison-{partition}"], input=b"\xff\xfe no event \x00\x01", capture_output=True)
        if done.returncode != 0:
            raise Failed(f"kcat: {done.stderr.decode()}")
    yield 5.0
    dead = scene.messages("mail.received.v1.dead")
    if dead < 6:
        raise Failed(f"{dead} of 6 poison messages lie with the dead letters")
    scene.note(f"{dead} with the dead letters (one for each group that reads them)")


def roll(scene):
    """Every room and every engine, one after the other, is ended as an operator would and started again."""
    for room in scene.cluster.used():
        room.stop()
        room.start()
        room.wait_ready()
        yield 0.5
    for engine in (scene.cluster.postgres, scene.cluster.redis, scene.cluster.s3, scene.cluster.clamd):
        engine.stop()
        engine.start()
        yield 0.5
    kafka = scene.cluster.kafka
    for broker in range(kafka.count):
        kafka.programs[broker].stop()
        kafka.restart_broker(broker)
        yield 5.0


def restart_with_queue(scene):
    """Everything ends with the queue of `backlog` in it, and starts again; so does the sink."""
    scene.cluster.kill()
    yield 1.0
    scene.sink.start()
    for engine in scene.cluster.engines():
        engine.start()
    scene.cluster.start_rooms()


MOVES = dict(per_second=20, measures_gap=True)
OF_EGRESS = CONNECTIONS_TO_SINK

FAULTS = [
    *[Fault(f"kill {room}", kill(room), short=True, duplicates=2 * OF_EGRESS if room == "egress" else 0) for room in ROOMS],
    Fault("kill all rooms", kill_everything, short=True, duplicates=2 * OF_EGRESS),
    Fault("brokers away", restart_engine("kafka", lambda scene: 10.0 if scene.short else 60.0), short=True, duplicates=2 * OF_EGRESS,
          alarms=("events cannot be published", "cleanmail_bus_queued_events")),
    Fault("PostgreSQL killed", restart_engine("postgres", 5.0), short=True, duplicates=2 * OF_EGRESS,
          alarms=("cleanmail_sql_away", "cleanmail_bus_lag_events")),
    Fault("PostgreSQL read-only", postgres_read_only, duplicates=2 * OF_EGRESS,
          alarms=("cleanmail_sql_away", "cleanmail_bus_lag_events")),
    Fault("Redis killed", restart_engine("redis", 5.0), short=True, alarms=("cleanmail_kv_degraded",)),
    Fault("Redis flushed", flush_redis, alarms=()),
    Fault("object store 503", ill_object_store("unavailable", 8.0), short=True, alarms=("cleanmail_blob_away", "cleanmail_bus_lag_events")),
    Fault("object store slow", ill_object_store("slow", 15.0), alarms=("cleanmail_blob_away", "cleanmail_bus_lag_events")),
    Fault("object store cuts", ill_object_store("cutting", 10.0), alarms=("cleanmail_blob_away", "cleanmail_bus_lag_events")),
    Fault("clamd killed", restart_engine("clamd", 10.0), alarms=("cleanmail_scanner_engine_away",)),
    Fault("clamd gone 120 s", restart_engine("clamd", 120.0), per_second=15, alarms=("cleanmail_scanner_engine_away",)),
    Fault("clamd hangs", hang_clamd, alarms=("cleanmail_scanner_engine_away", "cleanmail_bus_lag_events")),
    Fault("DNS gone", names_gone, domain=NAMED, alarms=("cleanmail_egress_open_deliveries", "cleanmail_bus_lag_events")),
    Fault("clock of egress ahead", clock_ahead("egress"), alarms=(), duplicates=OF_EGRESS),
    Fault("clock of scanner ahead", clock_ahead("scanner"), alarms=()),
    Fault("egress frozen 15 s", freeze_egress(15.0), short=True, duplicates=OF_EGRESS),
    Fault("egress frozen 90 s", freeze_egress(90.0), duplicates=OF_EGRESS, per_second=15),
    Fault("poison", poison, alarms=("cleanmail_bus_dead_letters_total",)),
    *[Fault(f"one of two: {room}", kill_one_of_two(room), duplicates=OF_EGRESS if room == "egress" else 0, pair=room, **MOVES)
      for room in ("egress", "scanner", "policy", "quarantine", "reporting", "provisioning")],
    Fault("rolling restart", roll, alarms=(), duplicates=0),
    Fault("restart with 2000 queued", restart_with_queue, backlog=2000, duplicates=2 * OF_EGRESS),
    Fault("restart with 100000 queued", restart_with_queue, backlog=100000, duplicates=2 * OF_EGRESS),
    Fault("a broker of three killed", kill_leading_broker, brokers=3, alarms=("cleanmail_bus_reconnects", "cleanmail_bus_queued_events")),
    Fault("three brokers away", restart_engine("kafka", 60.0), brokers=3, duplicates=2 * OF_EGRESS,
          alarms=("events cannot be published", "cleanmail_bus_queued_events")),
    Fault("rolling restart of three brokers", roll, brokers=3, alarms=()),
    Fault("a broker's disk full", full_disk, brokers=3, needs_mounts=True, alarms=("cleanmail_bus_queued_events", "cleanmail_bus_reconnects")),
]
