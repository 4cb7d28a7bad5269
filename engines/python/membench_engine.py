"""Protocol 1 of docs/external-engines.md, for the adapters beside this file: each is an Engine, served by serve()."""

import gc
import json
import os
import sys

import numpy as np


class Engine:
    """An index of one library. An adapter overrides what its library can do, and says so in `can`."""

    version = ""
    distances = ["l2", "ip", "cosine"]
    can = []
    parameters = []
    largest_dim = None

    def build(self, vectors, spec):
        """Builds an index of the rows, whose ids are their numbers; `spec` is the whole request."""
        raise NotImplementedError

    def count(self):
        """How many vectors it holds."""
        raise NotImplementedError

    def search(self, query, k, allowed):
        """The ids and distances of the k nearest rows to a query of shape (1, dim); `allowed` is None or an array of ids."""
        raise NotImplementedError

    def insert(self, ids, vectors):
        raise NotImplementedError("it cannot insert")

    def delete(self, ids):
        raise NotImplementedError("it cannot delete")

    def save(self, folder):
        raise NotImplementedError("it cannot save")

    def memory_bytes(self):
        """What the library says of its own memory, if it says anything."""
        return None

    def disk_bytes(self):
        """What the files take on the disk that the index works on, if it works on files."""
        return None

    def drop(self):
        """Forgets the index."""
        raise NotImplementedError


def batches(vectors, spec):
    """Each batch of rows with the number of its first."""
    for first in range(0, len(vectors), spec["batch"]):
        yield first, vectors[first : first + spec["batch"]]


def normalised(vectors):
    """A copy with rows of length 1, for libraries that have the cosine distance as an inner product."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return (vectors / lengths).astype(np.float32, copy=False)


def folder_bytes(folder):
    """What the files below a folder take on the disk; holes in them take none."""
    files = (os.path.join(root, name) for root, _, names in os.walk(folder) for name in names)
    return sum(os.stat(file).st_blocks * 512 for file in files)


def warm_up(engine, threads):
    """Has the library start its threads and fill its caches: no phase shall pay for that."""
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((1024, 16), dtype=np.float32)
    spec = {"dim": 16, "distance": engine.distances[0], "m": 8, "ef_construction": 16, "ef": 16, "reserve": 0}
    engine.build(vectors, dict(spec, batch=1000, threads=threads))
    engine.search(vectors[:1], 10, None)
    engine.drop()


def answer(engine, blocks, request):
    """The answer to one request."""
    op = request["op"]
    if op == "hello":
        warm_up(engine, request["threads"])
        abilities = {"distances": engine.distances, "can": engine.can, "parameters": engine.parameters}
        if engine.largest_dim is not None:
            abilities["largest_dim"] = engine.largest_dim
        return {"protocol": 1, "version": engine.version, "abilities": abilities}
    if op == "load":
        blocks[request["block"]] = np.load(request["file"])
    elif op == "unload":
        del blocks[request["block"]]
    elif op in ("build", "insert"):
        rows = blocks[request["block"]][request["from"] : request["from"] + request["count"]]
        if op == "build":
            engine.build(rows, request)
        else:
            engine.insert(np.array(request["ids"], dtype=np.int64), rows)
        return {"count": engine.count()}
    elif op == "delete":
        engine.delete(np.array(request["ids"], dtype=np.int64))
        return {"count": engine.count()}
    elif op == "search":
        query = blocks[request["block"]][request["row"] : request["row"] + 1]
        allowed = request.get("allowed")
        allowed = None if allowed is None else np.array(allowed, dtype=np.int64)
        ids, distances = engine.search(query, request["k"], allowed)
        return {"ids": [int(i) for i in ids], "distances": [float(d) for d in distances]}
    elif op == "figures":
        figures = {"memory_bytes": engine.memory_bytes(), "disk_bytes": engine.disk_bytes()}
        return {name: value for name, value in figures.items() if value is not None}
    elif op == "save":
        engine.save(request["folder"])
    elif op == "drop":
        engine.drop()
    elif op == "settle":
        gc.collect()
    else:
        raise ValueError(f"unknown op {op!r}")
    return {}


def lines():
    """The lines of standard input. While the next one is waited for, always the same buffers are there, which a text
    stream's are not: the memory is counted to the byte then."""
    rest = b""
    while chunk := os.read(0, 1 << 16):
        rest += chunk
        while (end := rest.find(b"\n")) >= 0:
            line, rest = rest[:end], rest[end + 1 :]
            yield line
            del line


def serve(engine):
    """Answers requests until standard input ends."""
    # Libraries print to standard output, also from C++: from now on that is standard error.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    blocks = {}
    for line in lines():
        try:
            reply = answer(engine, blocks, json.loads(line))
        except Exception as error:  # whatever it is, the harness is to know
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=answers, flush=True)
