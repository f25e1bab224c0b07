#!/usr/bin/env python3
"""A mailbox server that has a mail, writes its X-Load-Id down, and takes its time to say so: who is killed meanwhile sends it again.

    slow_sink.py PORT IDS SECONDS
"""
import asyncio
import re
import sys

ID = re.compile(rb"^X-Load-Id: (\S+)", re.MULTILINE | re.IGNORECASE)


async def converse(reader, writer, ids, seconds):
    async def say(line):
        writer.write(line + b"\r\n")
        await writer.drain()

    await say(b"220 sink.example")
    while line := await reader.readline():
        verb = line[:4].upper().strip()
        if verb == b"DATA":
            await say(b"354 go on")
            mail = await reader.readuntil(b"\r\n.\r\n")
            name = ID.search(mail)
            ids.write((name[1] if name else b"?") + b"\n")
            ids.flush()
            await asyncio.sleep(seconds)
            await say(b"250 kept")
        elif verb == b"QUIT":
            await say(b"221 bye")
            break
        else:
            await say(b"250 ok")


async def main():
    port, path, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    with open(path, "ab") as ids:
        async def serve(reader, writer):
            try:
                await converse(reader, writer, ids, seconds)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", port, limit=1 << 24, backlog=512)
        await server.serve_forever()


asyncio.run(main())
