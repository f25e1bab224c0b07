"""Stands between the rooms and the object store, and lets it be ill: answer 503, be slow, cut connections."""
import socket
import struct
import threading
import time

SLOW_SECONDS = 2.0
CUT_AFTER_BYTES = 600  # in the middle of a request's header or body
UNAVAILABLE = (b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: 48\r\nConnection: close\r\n\r\n"
               b"<Error><Code>SlowDown</Code></Error>            ")


class ObjectStoreProxy:
    """Listens from the start; `mode` may change at any time: "well", "unavailable", "slow", "cutting" (every second connection)."""

    def __init__(self, target_port):
        self.target_port = target_port
        self._mode = "well"
        self._open = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._count = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def mode(self):
        return self._mode

    @mode.setter
    def mode(self, mode):
        """Connections of before end, so that the new mode is everybody's."""
        self._mode = mode
        with self._lock:
            for connection in self._open:
                self._reset(connection)

    @staticmethod
    def _reset(connection):
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _accept(self):
        while True:
            client, _ = self._listener.accept()
            self._count += 1
            threading.Thread(target=self._serve, args=(client, self._mode, self._count % 2 == 0), daemon=True).start()

    def _serve(self, client, mode, second):
        with self._lock:
            self._open.add(client)
        try:
            if mode == "unavailable":
                self._refuse(client)
            else:
                with socket.create_connection(("127.0.0.1", self.target_port), 5) as server:
                    server.settimeout(None)
                    back = threading.Thread(target=self._copy, args=(server, client, None, False), daemon=True)
                    back.start()
                    self._copy(client, server, CUT_AFTER_BYTES if mode == "cutting" and second else None, mode == "slow")
                    back.join()
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(client)
            client.close()

    @staticmethod
    def _refuse(client):
        client.settimeout(1)
        client.recv(65536)
        client.sendall(UNAVAILABLE)
        while client.recv(65536):
            pass

    def _copy(self, source, sink, limit, slow):
        """Until one of them ends. Slow: each piece waits, as it would for a store that takes long to answer."""
        passed = 0
        last = 0.0
        try:
            while data := source.recv(65536):
                if slow and time.monotonic() - last > 0.1:
                    time.sleep(SLOW_SECONDS)
                last = time.monotonic()
                passed += len(data)
                if limit is not None and passed > limit:
                    sink.sendall(data[:len(data) // 2])
                    break
                sink.sendall(data)
        except OSError:
            pass
        self._reset(source) if limit is not None else None
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
