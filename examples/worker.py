#!/usr/bin/python3
"""A remote worker in Python, the same as worker.mjs: it answers two methods for whoever calls them.

    apt install python3-websockets
    python3 worker.py three
    greenroom call math.sum '{"numbers": [1, 2, 3]}'
"""
import asyncio
import contextlib
import itertools
import json
import signal
import sys

import websockets

USER = sys.argv[1] if len(sys.argv) > 1 else "worker"
URL = sys.argv[2] if len(sys.argv) > 2 else "ws://127.0.0.1:8080/ws"
orders = itertools.count(1)


async def math_sum(params, caller):
    if not isinstance(params.get("numbers"), list):
        raise ValueError("numbers must be a list")
    await asyncio.sleep(params.get("ms", 0) / 1000)
    return {"sum": sum(params["numbers"]), "by": USER}


async def order_place(params, caller):
    await asyncio.sleep(params.get("ms", 0) / 1000)
    return {"order": f"{USER}-{next(orders)}", "item": params.get("item"), "for": caller["user"], "by": USER}


HANDLERS = {"math.sum": math_sum, "order.place": order_place}


async def answer(socket, request):
    reply = {"jsonrpc": "2.0", "id": request["id"]}
    try:
        reply["result"] = await HANDLERS[request["method"]](request.get("params") or {}, request.get("from"))
    except ValueError as why:
        reply["error"] = {"code": -32602, "message": str(why)}
    except Exception as why:  # whatever it is, its caller gets an answer
        reply["error"] = {"code": -32603, "message": type(why).__name__}
    with contextlib.suppress(websockets.ConnectionClosed):
        await socket.send(json.dumps(reply))


async def work(socket):  # true when it has ended because it was asked to
    async def call(number, method, params):
        await socket.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}))

    running = set()  # a task that nobody refers to may be collected
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(
            each, lambda: running.add(asyncio.create_task(call(3, "service.unregister", {}))))
    await call(1, "session.open", {"user": USER, "client": "worker.py"})
    await call(2, "service.register", {
        "methods": [{"name": "math.sum", "idempotent": True}, "order.place"], "capacity": 16})
    async for text in socket:
        message = json.loads(text)
        if "method" in message and "id" in message:
            running.add(task := asyncio.create_task(answer(socket, message)))
            task.add_done_callback(running.discard)
        elif message.get("id") == 2:
            print(f"{USER} works as {message['result']['worker']}" if "result" in message else message, flush=True)
        elif message.get("id") == 3:  # what it had is answered
            return True


async def main():
    async for socket in websockets.connect(URL, subprotocols=["greenroom.json.1"]):  # again after each loss
        with contextlib.suppress(websockets.ConnectionClosed):
            if await work(socket):
                return await socket.close()
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(each)


asyncio.run(main())
