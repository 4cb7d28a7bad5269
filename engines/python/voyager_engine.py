"""Voyager: Spotify's HNSW, from hnswlib. `voyager_engine.py f32|e4m3`: how it stores a component."""

import importlib.metadata
import os
import sys

import voyager

from membench_engine import Engine, batches, serve

SPACES = {"l2": voyager.Space.Euclidean, "ip": voyager.Space.InnerProduct, "cosine": voyager.Space.Cosine}
STORAGES = {"f32": voyager.StorageDataType.Float32, "e4m3": voyager.StorageDataType.E4M3}


class Voyager(Engine):
    version = f"voyager {importlib.metadata.version('voyager')}"
    parameters = ["m", "ef_construction", "ef", "reserve"]

    def __init__(self, storage):
        self.storage = STORAGES[storage]
        # It embeds inner products in one more dimension, and rounds by it.
        self.distances = ["l2", "cosine"]
        self.can = ["insert", "save"] + (["exact_distances"] if storage == "f32" else [])

    def build(self, vectors, spec):
        self.spec = spec
        self.index = voyager.Index(
            SPACES[spec["distance"]],
            num_dimensions=spec["dim"],
            M=spec["m"],
            ef_construction=spec["ef_construction"],
            max_elements=max(spec["reserve"], 1),
            storage_data_type=self.storage,
        )
        for first, batch in batches(vectors, spec):
            self.insert(range(first, first + len(batch)), batch)

    def insert(self, ids, vectors):
        # E4M3 holds -448 to 448 and small numbers coarsely; a cosine does not ask how long a vector is.
        self.index.add_items(vectors, list(ids), num_threads=self.spec["threads"])

    def count(self):
        return len(self.index)

    def search(self, query, k, allowed):
        ids, distances = self.index.query(query[0], k=min(k, len(self.index)), query_ef=max(self.spec["ef"], k))
        return ids, distances

    def save(self, folder):
        self.index.save(os.path.join(folder, "index"))

    def drop(self):
        self.index = None


serve(Voyager(sys.argv[1]))
