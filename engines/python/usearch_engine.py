"""usearch by Python. `usearch_engine.py f32|f16|i8`: how it stores a component."""

import importlib.metadata
import os
import sys

import numpy as np
from usearch.index import Index

from membench_engine import Engine, batches, serve

METRICS = {"l2": "l2sq", "ip": "ip", "cosine": "cos"}


class Usearch(Engine):
    version = f"usearch {importlib.metadata.version('usearch')}"
    parameters = ["m", "ef_construction", "ef", "threads"]

    def __init__(self, storage):
        self.storage = storage
        # What i8 holds are directions.
        self.distances = ["cosine"] if storage == "i8" else ["l2", "ip", "cosine"]
        self.can = ["insert", "delete", "save"] + (["exact_distances"] if storage == "f32" else [])

    def build(self, vectors, spec):
        self.spec = spec
        self.index = Index(
            ndim=spec["dim"],
            metric=METRICS[spec["distance"]],
            dtype=self.storage,
            connectivity=spec["m"],
            expansion_add=spec["ef_construction"],
            expansion_search=spec["ef"],
        )
        for first, batch in batches(vectors, spec):
            self.insert(np.arange(first, first + len(batch), dtype=np.uint64), batch)

    def insert(self, ids, vectors):
        self.index.add(ids.astype(np.uint64), vectors, threads=self.spec["threads"], copy=True)

    def delete(self, ids):
        self.index.remove(ids.astype(np.uint64), threads=self.spec["threads"])

    def count(self):
        return len(self.index)

    def search(self, query, k, allowed):
        found = self.index.search(query[0], k, threads=1)
        return found.keys, found.distances

    def save(self, folder):
        self.index.save(os.path.join(folder, "index"))

    def memory_bytes(self):
        return int(self.index.memory_usage)

    def drop(self):
        self.index = None


serve(Usearch(sys.argv[1]))
