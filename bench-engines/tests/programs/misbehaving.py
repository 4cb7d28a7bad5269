"""A program that answers as an engine does, but for what its argument says."""
import json
import subprocess
import sys
import time

WAY = sys.argv[1]
held = []


def answer(request):
    op = request["op"]
    if op == "hello":
        if WAY == "ends":
            print("no such library", file=sys.stderr)
            sys.exit(3)
        if WAY == "newer":
            return {"protocol": 2, "something": "new"}
        if WAY == "other_abilities":
            return {"protocol": 1, "version": "fake 1", "abilities": {"distances": ["ip"]}}
        return {"protocol": 1, "version": "fake 1", "abilities": {"distances": ["l2", "cosine"], "can": ["delete"]}}
    if op == "build":
        if WAY == "dies":
            sys.stderr.write("bus error\n")
            sys.exit(7)
        if WAY == "hangs":
            print("waiting for ever", file=sys.stderr)
            subprocess.Popen([sys.executable, *sys.argv[:1], "child"]).wait()
        if WAY == "refuses":
            return {"error": "MemoryError: 3 GiB\x1b[31m"}
        if WAY == "nonsense":
            return {"count": "many"}
        held[:] = range(request["count"])
        return {"count": len(held) + (WAY == "wrong_count")}
    if op == "delete":
        return {"count": len(held) - (0 if WAY == "deletes_nothing" else len(request["ids"]))}
    if op == "search":
        if WAY == "unknown_id":
            return {"ids": [4711], "distances": [0.0]}
        if WAY == "too_many":
            return {"ids": [0] * (request["k"] + 1), "distances": [0.0] * (request["k"] + 1)}
        if WAY == "halves":
            return {"ids": [0, 1], "distances": [0.0]}
        if WAY == "no_number":
            return {"ids": [0], "distances": [float("nan")]}
        return {"ids": [0], "distances": [0.0]}
    return {}


if WAY == "child":
    time.sleep(300)
for line in sys.stdin:
    reply = answer(json.loads(line))
    if WAY == "chats":
        print("[debug] about to answer\n\n[1, 2, 3]", flush=True)
    if WAY == "cuts_off" and "count" in reply:
        print('{"count": 1', end="", flush=True)
        sys.exit(0)
    print(json.dumps(reply), flush=True)
if WAY == "stays":
    time.sleep(300)
