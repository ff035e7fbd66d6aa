#!/usr/bin/python3
"""Carries stdin and stdout over a tunnel of the daemon's, with somebody else's WebSocket client.

tunnel.py URL KEY: an end of stdin is {"type":"eof"}; exits 0 when both directions have ended.
"""
import asyncio
import json
import sys

import websockets


async def carry(url, key):
    loop = asyncio.get_running_loop()
    headers = {"Authorization": f"Bearer {key}"}
    async with websockets.connect(url, extra_headers=headers, max_size=None) as tunnel:

        async def send():
            while data := await loop.run_in_executor(None, sys.stdin.buffer.read1, 65536):
                await tunnel.send(data)
            await tunnel.send(json.dumps({"type": "eof"}))

        sending = asyncio.create_task(send())
        async for message in tunnel:
            if isinstance(message, bytes):
                sys.stdout.buffer.write(message)
                sys.stdout.buffer.flush()
            else:
                assert json.loads(message) == {"type": "eof"}, message
        await sending
        return 0 if tunnel.close_code == 1000 else 1


sys.exit(asyncio.run(asyncio.wait_for(carry(*sys.argv[1:3]), 60)))
